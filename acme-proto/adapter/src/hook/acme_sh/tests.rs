use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use super::super::{HookAction, HookDialect};
use super::*;

struct Scripts {
    dir: PathBuf,
}

impl Scripts {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("acme-sh-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory for tests");
        Self { dir }
    }

    fn hook(&self, file: &str, text: &str) -> HookCommand {
        let path = self.dir.join(file);
        fs::write(&path, text).expect("a file for tests");
        HookCommand::new(&format!("'{}'", path.display())).dialect(HookDialect::AcmeSh)
    }

    /// Returns the error of a script that is to add a record.
    fn fails(&self, file: &str, text: &str) -> HookError {
        self.hook(file, text).present("_acme-challenge.a.test", "v").expect_err("it cannot")
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn the_functions_do_what_those_of_acme_sh_do_in_both_shells() {
    let scripts = Scripts::new("functions");
    let value = "$(touch injected) 'v'";
    for first_line in ["#!/usr/bin/env sh", "#!/usr/bin/env bash"] {
        let text = include_str!("dns_check.sh").replacen("#!/usr/bin/env sh", first_line, 1);
        let hook = scripts.hook("dns_check.sh", &text);
        let kept = scripts.dir.join("account.conf");
        fs::write(&kept, "SAVED_Check_Token='old token'\nCheck_Other='x'\nLOG='/dev/null'\n")
            .expect("a file for tests");
        let of_domain = scripts.dir.join("domain.conf");
        fs::write(&of_domain, "Check_Zone='old zone'\nCheck_Gone='x'\n").expect("a file for tests");
        let record = HookRecord::txt("_acme-challenge.a.test", value);
        let mut command = command(&hook, true, &record).expect("a script");
        command
            .env("DOMAIN_CONF", &of_domain)
            .env("CHECK_VALUE", value)
            .env("CHECK_TOKEN", "new \\1 & token")
            .env("DEBUG", "2");
        command.env("CHECK_DIR", &scripts.dir).env("ACCOUNT_CONF_PATH", &kept);
        let output = command.current_dir(&scripts.dir).output().expect("a shell");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{first_line}: {stderr}");
        assert!(stderr.contains("response=x") && !stderr.contains("new \\1"), "{stderr}");
        assert!(!scripts.dir.join("injected").exists(), "{first_line}");
        let text = fs::read_to_string(&kept).expect("it is kept");
        assert_eq!(text, "LOG='/dev/null'\nSAVED_Check_Token='new \\1 & token'\nCheck_User='me'\n");
        assert_eq!(fs::metadata(&kept).expect("it is kept").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&kept).expect("it is kept").nlink(), 1);
        let text = fs::read_to_string(&of_domain).expect("it is kept");
        let zone = "Check_Zone='__ACME_BASE64__START_aXQncyBuZXc=__ACME_BASE64__END_'";
        assert_eq!(text, format!("{zone}\nCheck_Id='5'\n"));
        let error = hook.clean_up("_acme-challenge.a.test", "v").expect_err("it complains");
        assert!(error.to_string().contains("no such record=_acme-challenge.a.test"), "{error}");
    }
}

#[test]
fn a_value_that_an_earlier_run_kept_is_a_variable_of_the_next() {
    let scripts = Scripts::new("kept");
    let kept = scripts.dir.join("account.conf");
    let secret = "$(touch injected) \"k\"";
    for (first_line, how) in [("#!/bin/sh", ""), ("#!/bin/bash", ""), ("#!/bin/sh", " base64")] {
        let text = format!(
            "{first_line}\ndns_k_add() {{\n  if [ \"$K_Key\" != \"$2\" ]; then _err \"$K_Key\"; return 1; fi\n  \
             _saveaccountconf K_Key \"$K_Key\"{how}\n}}\n"
        );
        let hook = scripts.hook("dns_k.sh", &text);
        let run = |value: &str, key: Option<&str>| {
            let record = HookRecord::txt("_acme-challenge.a.test", value);
            let mut command = command(&hook, true, &record).expect("a script");
            command.env("ACCOUNT_CONF_PATH", &kept).envs(key.map(|key| ("K_Key", key)));
            command.current_dir(&scripts.dir).output().expect("a shell")
        };
        fs::write(&kept, "LOG='x'\nOTHER=$(touch injected)\n").expect("a file for tests");
        assert!(!run(secret, None).status.success(), "nothing is kept yet");
        for (value, key) in [(secret, Some(secret)), (secret, None), ("other", Some("other"))] {
            let output = run(value, key);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert!(!scripts.dir.join("injected").exists(), "{first_line}");
        assert!(run("other", None).status.success());
    }
}

#[test]
fn a_disk_that_is_full_costs_nothing_that_was_kept() {
    let scripts = Scripts::new("full");
    let (kept, link) = (scripts.dir.join("account.conf"), scripts.dir.join("link"));
    std::os::unix::fs::symlink("account.conf", &link).expect("a link for tests");
    let before: String = (0..500).map(|number| format!("K_{number}='a value'\n")).collect();
    for first_line in ["#!/bin/sh", "#!/bin/bash"] {
        fs::write(&kept, &before).expect("a file for tests");
        let run = |first: &str| {
            let text = format!(
                "{first_line}\ndns_f_add() {{\n  {first}\n  _saveaccountconf F_Key new\n}}\n"
            );
            let hook = scripts.hook("dns_f.sh", &text);
            let mut command = command(&hook, true, &HookRecord::txt("a", "b")).expect("a script");
            command.env("ACCOUNT_CONF_PATH", &link).output().expect("a shell")
        };
        // No file may grow beyond a kilobyte.
        let output = run("ulimit -f 1");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains("cannot be written"), "{stderr}");
        assert_eq!(fs::read_to_string(&kept).expect("it is kept"), before);
        assert_eq!(fs::read_dir(&scripts.dir).expect("a directory").count(), 3);
        assert!(run(":").status.success());
        let after = fs::read_to_string(&kept).expect("it is kept");
        assert_eq!(after, format!("{before}F_Key='new'\n"));
        assert!(link.is_symlink());
    }
}

#[test]
fn a_function_that_does_not_exist_is_named_even_if_the_script_goes_on() {
    let scripts = Scripts::new("unknown");
    for first_line in ["#!/bin/sh", "#!/bin/bash"] {
        let text = format!("{first_line}\ndns_x_add() {{\n  _srv_lookup \"$1\"\n  return 0\n}}\n");
        let error = scripts.fails("dns_x.sh", &text);
        assert!(
            matches!(&error, HookError::UnknownFunction { function, .. } if function == "_srv_lookup"),
            "{first_line}: {error}"
        );
        assert!(error.to_string().contains("_srv_lookup"), "{error}");
    }
    assert_eq!(unknown_function(b"dns_x.sh: 3: _a: not found\n"), Some("_a".into()));
    assert_eq!(unknown_function(b"x: line 3: _a: command not found\n"), Some("_a".into()));
    assert_eq!(unknown_function(b"the zone _acme-challenge.a.test: not found\n"), None);
    assert_eq!(unknown_function(b"jq: not found\n"), None);
}

#[test]
fn a_file_that_is_no_such_script_is_named_with_what_is_missing() {
    let scripts = Scripts::new("no-script");
    let error = scripts.fails("dns_y.sh", "dns_x_add() { :; }\n").to_string();
    assert!(error.contains("defines no function dns_y_add"), "{error}");
    let error = scripts.fails("my-hook.sh", "").to_string();
    assert!(error.contains("dns_xxx.sh"), "{error}");
    let missing = HookCommand::new("/nowhere/dns_x.sh").dialect(HookDialect::AcmeSh);
    let error = missing.present("a", "b").expect_err("no such file");
    assert!(matches!(&error, HookError::NoScript { source: Some(_), .. }), "{error}");
}

#[test]
fn a_script_is_stopped_with_what_it_started_and_leaves_no_file() {
    let scripts = Scripts::new("stopped");
    let beat = scripts.dir.join("beat");
    let text = format!(
        "dns_z_add() {{\n  echo \"$HTTP_HEADER\" > '{0}.dir'\n\
         (while :; do echo x >> '{0}'; sleep 0.05; done) &\n  wait\n}}\n",
        beat.display()
    );
    let hook = scripts.hook("dns_z.sh", &text).time_limit(Duration::from_millis(700));
    let start = Instant::now();
    let error = hook.run(HookAction::Present, &HookRecord::txt("a", "b"), None, || true);
    assert!(matches!(error, Err(HookError::TimedOut { .. })), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
    let length = || fs::metadata(&beat).map_or(0, |metadata| metadata.len());
    let then = length();
    assert!(then > 0, "it never started");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(length(), then, "its child goes on");
    let header = fs::read_to_string(beat.with_extension("dir")).expect("it wrote");
    assert!(!Path::new(header.trim()).exists(), "{header}");
}
