//! One row of one client: a CA, a directory, and how to run programs in it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use acme_testca::{FaultAction, FaultRule, Faults, Problem, RequestKind, RetryAfter, TestCa};

use super::row::Row;
use super::{chain, webroot};
use crate::child::ScratchDir;
use crate::servers::free_port;

/// The key identifier of the external account, where there is one.
pub(super) const EAB_KID: &str = "kid-of-a-customer";
/// Its MAC key in base64url.
pub(super) const EAB_KEY: &str = "bWFjLWtleS1vZi1hLWN1c3RvbWVyLTAxMjM0NTY3ODk";
/// The profile, where there is one.
pub(super) const PROFILE: &str = "week";

const TERMS: &str = "https://ca.example.test/terms";
/// For the seconds that one program may take; the slowest needs a tenth.
const PATIENCE: &str = "120";

/// A running CA for one row, and a directory for the client; both are gone when it is dropped.
#[derive(Debug)]
pub struct Case {
    ca: TestCa,
    scratch: ScratchDir,
    hook: PathBuf,
    row: Row,
    http_port: u16,
}

impl Case {
    /// Starts the CA of a row.
    pub(super) fn start(client: &str, row: Row, hook: &Path) -> Result<Self, String> {
        let scratch = ScratchDir::new();
        let http_port = free_port();
        // Nobody listens there: the validation fails.
        let validated = if row == Row::Failure { free_port() } else { http_port };
        let ca = configured(row)
            .http_port(validated)
            .tls_port(free_port())
            .start()
            .map_err(|error| format!("{client}: the CA does not start: {error}"))?;
        let case = Self { ca, scratch, hook: hook.to_owned(), row, http_port };
        case.write("root.pem", case.ca.root_pem());
        fs::create_dir_all(case.webroot()).expect("the target directory is writable");
        Ok(case)
    }

    /// Returns the CA.
    pub fn ca(&self) -> &TestCa {
        &self.ca
    }

    /// Returns the names of the certificate to issue.
    pub fn names(&self) -> &'static [&'static str] {
        self.row.names()
    }

    /// Returns the path of a file or directory of the client.
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.file(name)
    }

    /// Writes a file, and returns its path as text.
    pub fn write(&self, name: &str, content: &str) -> String {
        self.scratch.write(name, content)
    }

    /// Writes a file that can be executed, and returns its path as text.
    pub(super) fn script(&self, name: &str, content: &str) -> String {
        let path = self.write(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .expect("the target directory is writable");
        path
    }

    /// Returns the file with the root certificate, of the HTTPS endpoint and of what is issued.
    pub fn root_file(&self) -> PathBuf {
        self.file("root.pem")
    }

    /// Returns the file that the client leaves its certificate chain in.
    pub fn chain(&self) -> PathBuf {
        self.file("chain.pem")
    }

    /// Returns the directory for the files of http-01 challenges.
    pub(super) fn webroot(&self) -> PathBuf {
        self.file("www")
    }

    /// Returns the port for http-01 challenges.
    pub(super) fn http_port(&self) -> u16 {
        self.http_port
    }

    /// Serves [`webroot`](Self::webroot) from now on.
    pub(super) fn serve_webroot(&self) -> Result<(), String> {
        webroot::serve(self.http_port, self.webroot()).map_err(|error| error.to_string())
    }

    /// Returns the command line of the dns hook, without its last three arguments: `present` or `cleanup`, name, value.
    pub(super) fn hook(&self) -> String {
        let root = self.root_file();
        format!("{} {} {}", self.hook.display(), self.origin(), root.display())
    }

    /// Returns the common name of the root of the alternate chain.
    pub(super) fn alternate_root_name(&self) -> Option<String> {
        chain::common_name(&self.ca.alternate_root_pem(1)?, "acme-testca Root 2 ", 6)
    }

    /// Moves the renewal windows of all certificates into the past.
    pub(super) fn end_renewal_windows(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ago = |hours: u64| {
            let then = now.saturating_sub(Duration::from_secs(hours * 3600));
            u64::try_from(then.as_millis()).unwrap_or(u64::MAX)
        };
        for id in self.ca.certificate_ids() {
            self.ca.set_renewal_window(&id, ago(2), ago(1), None);
        }
    }

    /// Returns a command that runs a program with little more in its environment than the drivers in `tests/peers` read.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", PATIENCE]).arg(program);
        command.current_dir(self.scratch.work()).env_clear().envs(self.environment());
        command
    }

    /// Returns the environment of the drivers.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |path: PathBuf| path.display().to_string();
        let mut variables = vec![
            ("PATH", env::var("PATH").unwrap_or_default()),
            ("HOME", path(self.scratch.work())),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("ACME_DIRECTORY", self.ca.directory_url().to_owned()),
            ("ACME_ORIGIN", self.origin()),
            ("ACME_ROOT", path(self.root_file())),
            ("OUT", path(self.scratch.work())),
            ("WEBROOT", path(self.webroot())),
            ("TLS_PORT", self.ca.tls_port().to_string()),
        ];
        match self.row {
            Row::Eab => {
                variables.push(("EAB_KID", EAB_KID.to_owned()));
                variables.push(("EAB_HMAC", EAB_KEY.to_owned()));
            }
            Row::Profile => variables.push(("PROFILE", PROFILE.to_owned())),
            Row::Chain => {
                variables.extend(self.alternate_root_name().map(|name| ("PREFERRED_CHAIN", name)));
            }
            _ => {}
        }
        variables
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    ///
    /// What it wrote, if it failed.
    pub(super) fn run(&self, command: &mut Command) -> Result<String, String> {
        let path = self.file("output.log");
        let log = File::create(&path).expect("the target directory is writable");
        let copy = log.try_clone().expect("the file is open");
        let status = command.stdin(Stdio::null()).stdout(log).stderr(copy).status();
        let output = fs::read(&path).unwrap_or_default();
        let output = String::from_utf8_lossy(&output).into_owned();
        match status {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(format!("it failed ({status}) and wrote:\n{output}")),
            Err(error) => Err(format!("{command:?} does not start: {error}")),
        }
    }

    fn origin(&self) -> String {
        self.ca.directory_url().trim_end_matches("/directory").to_owned()
    }
}

/// Returns the CA of a row: it has terms that must be agreed to, and what the row needs.
fn configured(row: Row) -> acme_testca::TestCaBuilder {
    let builder = TestCa::builder().terms_of_service(TERMS).require_terms(true);
    match row {
        Row::Eab => {
            // The decoded EAB_KEY.
            let key = "mac-key-of-a-customer-0123456789";
            builder.external_account(EAB_KID, key.as_bytes()).require_external_account(true)
        }
        Row::Nonces => {
            let refused = || FaultAction::Problem(Problem::new(400, "badNonce", "for a test"));
            builder.faults(
                Faults::none()
                    .with(FaultRule::next(refused()).on(RequestKind::NewOrder))
                    .with(FaultRule::next(refused()).on(RequestKind::Finalize)),
            )
        }
        Row::Slow => builder
            .processing_polls(2)
            .retry_after_authorization(RetryAfter::Seconds(1))
            .retry_after_order(RetryAfter::Seconds(1))
            .retry_after_finalize(RetryAfter::Seconds(1)),
        Row::Chain => builder.alternate_chains(1),
        Row::Profile => builder.profile(PROFILE, "seven days", Duration::from_secs(7 * 86_400)),
        Row::PreAuthorization => builder.new_authz(true),
        Row::Renewal | Row::Replaces => builder
            .configure(|config| config.renewal_info_retry_after = Some(RetryAfter::Seconds(1))),
        Row::Orders => builder.orders_page_size(1),
        _ => builder,
    }
}
