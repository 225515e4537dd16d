//! acme4j, through the driver in `tests/peers/acme4j`.

use std::path::PathBuf;
use std::process::Command;

use super::case::Case;
use super::matrix::Client;
use super::row::Row;
use crate::install::{manager, once, source, texts};

/// acme4j, a Java library.
#[derive(Clone, Copy, Debug)]
pub struct Acme4j;

impl Acme4j {
    fn classes(self) -> PathBuf {
        let source = source("acme4j");
        let version = texts(&source, &["pom.xml", "src/Driver.java"]);
        let pinned = format!("<version>{}</version>", self.version());
        assert!(version.contains(&pinned), "the version in pom.xml");
        once("clients/acme4j", &version, |dir| {
            let mut maven = Command::new("mvn");
            maven.args(["-q", "-B", "compile", "dependency:copy-dependencies"]);
            maven.arg(format!("-Dout={}", dir.display())).current_dir(&source);
            let needs = "the tests need a JDK and Maven (apt-get install default-jdk-headless maven) and Maven Central";
            manager(&mut maven, needs);
        })
    }
}

impl Client for Acme4j {
    fn name(&self) -> &'static str {
        "acme4j"
    }

    fn version(&self) -> &'static str {
        "3.5.1"
    }

    fn install(&self) {
        self.classes();
    }

    fn lacks(&self, row: Row) -> Option<&'static str> {
        (row == Row::Serves).then_some("a library without a server")
    }

    fn run(&self, row: Row, case: &Case) -> Result<(), String> {
        const PASSWORD: &str = "changeit";
        case.serve_webroot()?;
        let classes = self.classes();
        let trust = case.file("trust.p12");
        let mut keytool = case.command("keytool");
        keytool.args(["-importcert", "-noprompt", "-alias", "ca", "-storetype", "PKCS12"]);
        keytool.args(["-storepass", PASSWORD, "-file"]).arg(case.root_file());
        case.run(keytool.arg("-keystore").arg(&trust))?;
        let mut java = case.command("java");
        java.arg(format!("-Djavax.net.ssl.trustStore={}", trust.display()));
        java.arg(format!("-Djavax.net.ssl.trustStorePassword={PASSWORD}"));
        java.arg("-XX:TieredStopAtLevel=1"); // it is over before anything is worth optimizing
        java.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", classes.display()));
        case.run(java.arg("Driver").arg(row.id()).args(case.names())).map(drop)
    }
}
