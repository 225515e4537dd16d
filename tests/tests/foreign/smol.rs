//! The program of `tests/peers/smol`: acme-proto on another runtime, without an adapter. It is not in the workspace, so
//! that its dependencies are not ours.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use acme_tests::child::Killed;
use acme_tests::servers::target_dir;
use acme_tests::{scratch, short_lived_ca};

#[test]
fn a_loop_on_smol_renews_its_certificate() {
    let target = target_dir().join("smol");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/smol/Cargo.toml");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--quiet", "--manifest-path"]).arg(manifest);
    build.arg("--target-dir").arg(&target);
    assert!(build.status().expect("cargo starts").success());

    let (ca, folder) = (short_lived_ca(Duration::from_secs(6)), scratch("smol"));
    let root = folder.path().join("root.pem");
    std::fs::write(&root, ca.root_pem()).expect("a file");
    let program = Command::new(target.join("debug/renew-on-smol"))
        .args(["example.test", ca.directory_url()])
        .env("SSL_CERT_FILE", root)
        .env("HTTP01_ADDRESS", format!("127.0.0.1:{}", ca.http_port()))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut program = Killed(program);
    let end = Instant::now() + Duration::from_secs(60);
    while ca.certificates_issued() < 3 {
        assert!(Instant::now() < end, "{} certificates", ca.certificates_issued());
        assert!(program.0.try_wait().expect("a child").is_none(), "it has ended");
        thread::sleep(Duration::from_millis(50));
    }
    drop(program);
    assert_eq!(ca.account_objects().len(), 1);
}
