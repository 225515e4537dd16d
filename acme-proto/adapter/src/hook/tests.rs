use std::thread;
use std::time::Instant;

use super::*;

#[test]
fn words_are_split_at_spaces_and_kept_together_by_quotes() {
    for (command, expected) in [
        ("hook", vec!["hook"]),
        ("  hook  --zone example.org ", vec!["hook", "--zone", "example.org"]),
        ("'/my path/hook' \"a b\"'c'", vec!["/my path/hook", "a bc"]),
        ("hook ''", vec!["hook", ""]),
        (r"C:\tools\hook.exe", vec![r"C:\tools\hook.exe"]),
        ("hook 'open end", vec!["hook", "open end"]),
        ("", vec![]),
    ] {
        assert_eq!(words(command), expected, "{command}");
    }
}

#[test]
fn a_command_that_does_not_exist_is_named_with_the_remedy() {
    for command in ["/nowhere/hook", ""] {
        let error = HookCommand::new(command).present("a", "b").expect_err("no such program");
        assert!(error.to_string().contains("give the path of a program"), "{error}");
    }
}

#[cfg(unix)]
mod unix {
    use super::*;

    fn shell(script: &str) -> HookCommand {
        HookCommand::new(&format!("/bin/sh -c '{script}' hook"))
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_ctrl_c_at_the_terminal_is_no_business_of_a_hook() {
        // The fifth field is the process group, to which a terminal sends its signals.
        let own_group = shell(r#"read -r _ _ _ _ group _ < /proc/$$/stat; test "$group" = $$"#);
        own_group.present("a", "b").expect("a process group of its own");
    }

    #[test]
    fn action_name_and_value_are_its_last_arguments() {
        let present = shell(r#"test "$*" = "present _acme-challenge.a.test v-1""#);
        present.present("_acme-challenge.a.test", "v-1").expect("the arguments");
        let cleanup = shell(r#"test "$*" = "cleanup _acme-challenge.a.test v-1""#);
        cleanup.clean_up("_acme-challenge.a.test", "v-1").expect("the arguments");
    }

    #[test]
    fn what_it_writes_to_standard_error_is_the_reason_on_one_line() {
        let hook = shell("echo out; echo the zone >&2; echo is locked >&2; exit 3");
        let error = hook.present("a", "b").expect_err("status 3").to_string();
        assert!(error.contains("the zone is locked") && error.contains('3'), "{error}");
        assert!(!error.contains("out"), "{error}");
    }

    #[test]
    fn one_that_writes_more_than_is_kept_does_not_hang() {
        let hook = shell("head -c 300000 /dev/zero >&2; exit 1");
        let error = hook.present("a", "b").expect_err("status 1").to_string();
        assert!(error.len() < 1000);
    }

    #[test]
    fn one_that_does_not_end_is_stopped() {
        let hook = shell("exec sleep 60").time_limit(Duration::from_millis(100));
        let start = Instant::now();
        let error = hook.present("a", "b").expect_err("it does not end");
        assert!(matches!(error, HookError::TimedOut { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_child_that_it_leaves_behind_is_not_waited_for() {
        let hook = shell("sleep 60 & exit 0");
        let start = Instant::now();
        hook.present("a", "b").expect("status 0");
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_child_that_it_leaves_behind_and_that_is_never_silent_is_not_waited_for() {
        let numbers = "1 2 3 4 5 6 7 8 9 10";
        let talks = format!(
            "for i in {numbers}; do for j in {numbers}; do echo x >&2; sleep 0.1; done; done"
        );
        let hook = shell(&format!("echo the reason >&2; ({talks}) & exit 1"));
        let start = Instant::now();
        let error = hook.present("a", "b").expect_err("status 1").to_string();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(error.contains("the reason"), "{error}");
    }

    /// Returns a hook whose child writes to a file again and again, and that file.
    fn busy(name: &str) -> (HookCommand, std::path::PathBuf) {
        let file = std::env::temp_dir().join(format!("acme-hook-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&file);
        let body = format!("echo x >> {}; sleep 0.05", file.display());
        let numbers = "1 2 3 4 5 6 7 8 9 10";
        let script =
            format!("(for i in {numbers}; do for j in {numbers}; do {body}; done; done) & wait");
        (shell(&script), file)
    }

    fn length(file: &std::path::Path) -> u64 {
        std::fs::metadata(file).map_or(0, |metadata| metadata.len())
    }

    #[test]
    fn what_it_started_is_stopped_with_it() {
        let (hook, file) = busy("limit");
        let hook = hook.time_limit(Duration::from_millis(500));
        let error = hook.present("a", "b").expect_err("it does not end in time");
        assert!(matches!(error, HookError::TimedOut { .. }), "{error}");
        let then = length(&file);
        thread::sleep(Duration::from_millis(500));
        assert_eq!(length(&file), then, "its child goes on");
        std::fs::remove_file(&file).expect("its child wrote");
    }

    #[test]
    fn one_that_nobody_waits_for_is_stopped() {
        let (hook, file) = busy("wanted");
        let wanted = || length(&file) == 0;
        let error = hook
            .run(HookAction::Present, &HookRecord::txt("a", "b"), None, wanted)
            .expect_err("not wanted");
        assert!(matches!(error, HookError::Stopped { .. }), "{error}");
        let then = length(&file);
        thread::sleep(Duration::from_millis(500));
        assert_eq!(length(&file), then, "its child goes on");
        std::fs::remove_file(&file).expect("its child wrote");
    }
}
