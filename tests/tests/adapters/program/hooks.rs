//! Hooks that do not come back: the deadline, Ctrl-C and SIGTERM reach them, and nothing that they started is left.

use std::time::Duration;

use acme_testca::TestCa;
use acme_tests::child::{Child, Program};
use acme_tests::for_both_programs;
use acme_tests::servers::free_port;

use super::Scene;

for_both_programs! {
    a_hook_ends_at_the_deadline_with_what_it_started, deadline;
    a_clean_up_takes_as_long_as_was_asked_at_most, slow_clean_up;
    an_interruption_stops_the_hook_and_cleans_up, interrupted;
    sigterm_leaves_no_child_behind, terminated;
    a_terminal_that_is_closed_leaves_no_child_behind, hung_up;
    a_second_interruption_ends_at_once_and_says_what_is_published, interrupted_twice;
    sigterm_reaches_the_deploy_hook, terminated_in_the_deploy_hook;
}

/// A hook that writes what it is asked to do, and then runs a body for `present`, and another for `cleanup`.
struct Hook {
    scene: Scene,
    /// The argument of a `sleep` that no other test has.
    marker: String,
}

impl Hook {
    fn new(program: Program, present: &str, cleanup: &str) -> Self {
        let scene = Scene::with(program, TestCa::builder());
        let marker = format!("30{}.{}", free_port(), std::process::id());
        let publish = format!(
            "'{}' {} ca.pem \"$@\"",
            env!("CARGO_BIN_EXE_testca-hook"),
            scene.ca.directory_url().trim_end_matches("/directory")
        );
        let script =
            format!("echo $1 >> calls\ncase $1 in present) {present};; *) {cleanup};; esac\n");
        let script =
            script.replace("PUBLISH", &publish).replace("HANG", &format!("sleep {marker}"));
        scene.dir.write("hook.sh", script);
        Self { scene, marker }
    }

    fn start(&self, more: &[&str]) -> Child {
        let line = ["--challenge", "dns-01", "--dns-hook", "sh hook.sh", "a.test"];
        self.scene.start(&more.iter().chain(&line).copied().collect::<Vec<_>>())
    }

    /// Waits until the hook hangs.
    fn wait_for_hang(&self) {
        super::wait_until("the hook hangs", || self.sleepers() > 0);
    }

    /// Returns how many processes the hook has left.
    fn sleepers(&self) -> usize {
        super::sleepers(&self.marker)
    }

    /// What was killed takes a moment to go.
    fn assert_nothing_left(&self) {
        super::wait_until("nothing is left", || self.sleepers() == 0);
    }

    fn calls(&self) -> String {
        self.scene.read("calls").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Longer than any of these runs should take, and much shorter than the hooks.
const SOON: Duration = Duration::from_secs(40);

fn deadline(program: Program) {
    // The second one does not heed SIGTERM.
    for present in ["HANG & HANG", "trap '' TERM; HANG & wait; HANG"] {
        let hook = Hook::new(program, present, "PUBLISH");
        let outcome = hook.start(&["--timeout", "3"]).wait(SOON);
        outcome.assert_failed(1, &["--timeout"]);
        assert!(outcome.stderr.contains("the time is over: cleaning up"), "{outcome:#?}");
        assert!(outcome.stderr.contains("takes 10 s at most"), "{outcome:#?}");
        assert_eq!(hook.calls(), "present cleanup");
        hook.assert_nothing_left();
    }
}

fn slow_clean_up(program: Program) {
    let hook = Hook::new(program, "PUBLISH", "HANG & HANG");
    let outcome = hook.start(&["--timeout", "6"]).wait(SOON);
    outcome.assert_issued();
    assert!(outcome.elapsed < Duration::from_secs(30), "{outcome:#?}");
    assert!(outcome.stderr.contains("still published at _acme-challenge.a.test"), "{outcome:#?}");
    assert_eq!(hook.calls(), "present cleanup");
    hook.assert_nothing_left();
}

fn interrupt(program: Program, signal: &str) {
    let hook = Hook::new(program, "PUBLISH && HANG", "PUBLISH");
    let child = hook.start(&[]);
    hook.wait_for_hang();
    child.signal(signal);
    let outcome = child.wait(SOON);
    outcome.assert_failed(1, &["cancelled"]);
    assert!(outcome.stderr.contains("interrupted: cleaning up"), "{outcome:#?}");
    assert_eq!(hook.calls(), "present cleanup");
    hook.assert_nothing_left();
    assert!(hook.scene.ca.published_txt().values().all(Vec::is_empty));
}

fn interrupted(program: Program) {
    interrupt(program, "INT");
}

fn terminated(program: Program) {
    interrupt(program, "TERM");
}

fn hung_up(program: Program) {
    interrupt(program, "HUP");
}

fn interrupted_twice(program: Program) {
    let hook = Hook::new(program, "PUBLISH; exit 1", "HANG & HANG");
    let child = hook.start(&[]);
    hook.wait_for_hang();
    child.interrupt();
    child.wait_for("once more ends at once");
    child.interrupt();
    let outcome = child.wait(SOON);
    let words = ["interrupted", "_acme-challenge.a.test may still be published", "out/order.json"];
    outcome.assert_failed(1, &words);
    hook.assert_nothing_left();
    assert!(!hook.scene.ca.published_txt().values().all(Vec::is_empty));
    // The next run takes it back.
    let hook = Hook { marker: hook.marker.clone(), scene: hook.scene };
    let publish = hook.scene.read("hook.sh").replace("sleep", "true");
    hook.scene.dir.write("hook.sh", publish.replace("exit 1", "true"));
    hook.start(&[]).wait(Duration::from_secs(60)).assert_issued();
}

fn terminated_in_the_deploy_hook(program: Program) {
    let hook = Hook::new(program, "PUBLISH", "PUBLISH");
    let deploy = format!("sh -c 'sleep {0} & sleep {0}'", hook.marker);
    let child = hook.start(&["--deploy-hook", &deploy]);
    hook.wait_for_hang();
    child.signal("TERM");
    child.wait(SOON).assert_failed(3, &["--deploy-hook", "the next run"]);
    hook.assert_nothing_left();
}
