use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use acme_proto::challenge::Challenge;

use super::*;
use crate::solvers::Batch;

const TOKEN: &str = "-tokentokentokentokentok";
const THUMBPRINT: &str = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";

fn challenge(kind: &str, wildcard: bool) -> Challenge {
    let json = serde_json::json!({
        "authorization": "https://ca.example/authz/1",
        "url": format!("https://ca.example/chall/{kind}/{wildcard}"),
        "identifier": { "type": "dns", "value": "a.test" },
        "wildcard": wildcard,
        "kind": kind,
        "token": if wildcard { "tokentokentokentokentoke" } else { TOKEN },
        "thumbprint": THUMBPRINT,
    });
    serde_json::from_value(json).expect("a challenge")
}

fn record(kind: &str) -> HookRecord {
    HookRecord::of(&challenge(kind, false)).expect("a kind for hooks")
}

/// A hook that appends its arguments and what the dialects have in the environment to a file.
struct Script {
    path: PathBuf,
    log: PathBuf,
}

impl Script {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("acme-dialect-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory for tests");
        let (path, log) = (dir.join("hook.sh"), dir.join("log"));
        let text = format!(
            "for word; do printf '<%s>' \"$word\"; done >> '{0}'\n\
             env | grep -E '^(EXEC|CERTBOT)_' | grep -v EXEC_PATH | sort | tr '\\n' ' ' >> '{0}'\n\
             echo >> '{0}'\necho '  said  '\n",
            log.display()
        );
        fs::write(&path, text).expect("a file for tests");
        Self { path, log }
    }

    fn hook(&self, dialect: HookDialect) -> HookCommand {
        HookCommand::new(&format!("sh '{}'", self.path.display())).dialect(dialect)
    }

    fn take(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let _ = fs::remove_file(&self.log);
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.path.parent().map(fs::remove_dir_all);
    }
}

fn run(hook: &HookCommand, record: &HookRecord) {
    for action in [HookAction::Present, HookAction::Cleanup] {
        hook.run(action, record, None, || true).expect("status 0");
    }
}

#[test]
fn each_dialect_has_the_arguments_that_its_scripts_expect() {
    let script = Script::new("arguments");
    let value = challenge("dns-01", false).txt_record().expect("dns-01").value;
    let name = "_acme-challenge.a.test";
    for (dialect, expected) in [
        (HookDialect::Plain, format!("<ACTION><{name}><{value}>")),
        (HookDialect::Lego, format!("<ACTION><{name}.><{value}>")),
        (
            HookDialect::LegoRaw,
            format!("<ACTION><--><a.test><{TOKEN}><{TOKEN}.{THUMBPRINT}>EXEC_MODE=RAW"),
        ),
    ] {
        run(&script.hook(dialect), &record("dns-01"));
        let both = ["present", "cleanup"].map(|action| expected.replace("ACTION", action));
        assert_eq!(script.take(), both, "{dialect}");
    }
    run(&script.hook(HookDialect::Dehydrated), &record("dns-01"));
    let both =
        ["deploy", "clean"].map(|action| format!("<{action}_challenge><a.test><{TOKEN}><{value}>"));
    assert_eq!(script.take(), both);
    run(
        &script.hook(HookDialect::Dehydrated).publishes([ChallengeKind::Http01]),
        &record("http-01"),
    );
    let key = format!("{TOKEN}.{THUMBPRINT}");
    let both =
        ["deploy", "clean"].map(|action| format!("<{action}_challenge><a.test><{TOKEN}><{key}>"));
    assert_eq!(script.take(), both);
}

#[test]
fn certbot_hooks_are_given_the_challenge_in_the_environment() {
    let script = Script::new("certbot");
    let hook = script.hook(HookDialect::Certbot);
    let hook = hook.cleanup_command(&format!("sh '{}' c", script.path.display()));
    let both = [false, true].map(|wildcard| challenge("dns-01", wildcard));
    let records = both.each_ref().map(|one| HookRecord::of(one).expect("dns-01"));
    let batch = Batch::new(vec!["a.test".to_owned(), "a.test".to_owned()]);
    for record in &records {
        hook.run(HookAction::Present, record, Some(&batch), || true).expect("status 0");
    }
    for record in &records {
        hook.clone().run(HookAction::Cleanup, record, None, || true).expect("status 0");
    }
    let values = both.map(|one| one.txt_record().expect("dns-01").value);
    let line = |remaining: usize, said: &str| {
        format!(
            "{said}CERTBOT_DOMAIN=a.test CERTBOT_REMAINING_CHALLENGES={remaining} CERTBOT_VALIDATION={}",
            values[1 - remaining]
        )
    };
    let all = "CERTBOT_ALL_DOMAINS=a.test,a.test ";
    let said = format!("<c>{all}CERTBOT_AUTH_OUTPUT=said ");
    assert_eq!(script.take(), [line(1, all), line(0, all), line(1, &said), line(0, &said)]);
    // Of what another process published, the output is not known.
    hook.run(HookAction::Cleanup, &records[0], None, || true).expect("status 0");
    assert_eq!(
        script.take(),
        [line(0, "<c>CERTBOT_ALL_DOMAINS=a.test CERTBOT_AUTH_OUTPUT= ")
            .replace(&values[1], &values[0])]
    );
}

#[test]
fn certbot_hooks_know_http_01_by_its_token() {
    let script = Script::new("certbot-http");
    let hook = script.hook(HookDialect::Certbot).publishes([ChallengeKind::Http01]);
    assert_eq!(hook.challenge_kinds(), [ChallengeKind::Http01]);
    let both = [ChallengeKind::Http01, ChallengeKind::Dns01];
    assert_eq!(hook.clone().publishes(both.clone()).challenge_kinds(), both);
    let lego = script.hook(HookDialect::Lego).publishes(both.clone());
    assert_eq!(lego.challenge_kinds(), [ChallengeKind::Dns01]);
    assert_eq!(lego.dialect(HookDialect::Certbot).challenge_kinds(), both);
    run(&hook, &record("http-01"));
    let said = script.take();
    // Without a command for it, nothing is run to clean up.
    assert_eq!(said.len(), 1);
    assert!(said[0].contains(&format!("CERTBOT_TOKEN={TOKEN} ")), "{said:?}");
    assert!(said[0].contains(&format!("CERTBOT_VALIDATION={TOKEN}.{THUMBPRINT}")), "{said:?}");
}

#[test]
fn by_name_alone_the_domain_is_what_follows_the_label() {
    let script = Script::new("by-name");
    let hook = script.hook(HookDialect::Dehydrated);
    hook.present("_acme-challenge.b.a.test", "v").expect("status 0");
    assert_eq!(script.take(), ["<deploy_challenge><b.a.test><><v>"]);
    for (dialect, name) in
        [(HookDialect::Certbot, "_other.a.test"), (HookDialect::LegoRaw, "_acme-challenge.a.test")]
    {
        let error = script.hook(dialect).present(name, "v").expect_err("too little");
        let text = error.to_string();
        assert!(text.contains("give the HookCommand as the solver"), "{text}");
    }
    assert!(script.take().is_empty());
}

#[test]
fn no_argument_is_parsed_by_a_shell() {
    let script = Script::new("injection");
    let (name, value) = ("_acme-challenge.a.test", "$(touch x) `id`;'\"\\ -n");
    for dialect in [HookDialect::Plain, HookDialect::Lego, HookDialect::Dehydrated] {
        script.hook(dialect).present(name, value).expect("status 0");
        assert!(script.take()[0].ends_with(&format!("<{value}>")), "{dialect}");
    }
    script.hook(HookDialect::Certbot).present(name, value).expect("status 0");
    assert!(script.take()[0].ends_with(&format!("CERTBOT_VALIDATION={value}")));
}

#[test]
fn runs_of_a_script_follow_each_other_and_end_early_when_they_are_not_wanted() {
    let script = Script::new("turns");
    let started = script.path.with_file_name("started");
    let body = format!("echo x >> {}; exec sleep 60", started.display());
    fs::write(&script.path, body).expect("a file for tests");
    let hook = script.hook(HookDialect::Lego).time_limit(Duration::from_secs(3));
    let first = thread::spawn({
        let hook = hook.clone();
        move || hook.present("a", "b")
    });
    let start = Instant::now();
    while !started.exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never starts");
        thread::sleep(Duration::from_millis(10));
    }
    let wanted = Arc::new(());
    let is_wanted = Arc::downgrade(&wanted);
    drop(wanted);
    let second = hook.run(HookAction::Present, &HookRecord::txt("a", "c"), None, || {
        is_wanted.strong_count() > 0
    });
    assert!(matches!(second, Err(HookError::Stopped { .. })), "{second:?}");
    let first = first.join().expect("no panic");
    assert!(matches!(first, Err(HookError::TimedOut { .. })), "{first:?}");
    assert_eq!(fs::read_to_string(&started).expect("it wrote"), "x\n");
}

#[test]
fn a_script_that_complains_on_standard_output_is_quoted() {
    let script = Script::new("stdout");
    fs::write(&script.path, "echo the zone is locked; exit 4").expect("a file for tests");
    let error = script.hook(HookDialect::Lego).present("a", "b").expect_err("status 4");
    assert!(error.to_string().contains("the zone is locked"), "{error}");
}

#[test]
fn a_script_that_writes_more_than_is_kept_does_not_hang() {
    let script = Script::new("chatty");
    let text = "head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2\n";
    fs::write(&script.path, text).expect("a file for tests");
    for dialect in [HookDialect::Plain, HookDialect::Lego, HookDialect::Certbot] {
        let hook = script.hook(dialect);
        // What certbot's hooks write goes into the environment of the next one.
        run(&hook.cleanup_command(&format!("sh '{}'", script.path.display())), &record("dns-01"));
    }
}

#[test]
fn the_names_of_the_dialects_are_read_back() {
    for dialect in HookDialect::ALL {
        assert_eq!(dialect.to_string().parse(), Ok(dialect));
        assert!(UnknownDialect.to_string().contains(dialect.as_str()));
    }
    assert_eq!("acme".parse::<HookDialect>(), Err(UnknownDialect));
}
