//! The snippets of the manual's page "running it", run as they stand there.

mod machine;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use acme_adapter::hook;
use acme_testca::{TestCa, TestCaBuilder};

use self::machine::{Machine, Running, on_a_machine, run, text, wait_until, write};

/// What systemd gives to a service.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn ca() -> TestCaBuilder {
    TestCa::builder().http_port(80)
}

/// A CA whose certificates are renewed after ten seconds.
fn short_lived_ca() -> TestCaBuilder {
    ca().certificate_lifetime(Duration::from_secs(20)).renewal_info(false)
}

/// Returns the command of a unit.
fn exec_start(unit: &str) -> Command {
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart="));
    let words = hook::words(line.expect("a command"));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear().env("PATH", PATH);
    command
}

#[test]
fn the_line_of_cron_issues_and_then_waits() {
    on_a_machine("running_it::the_line_of_cron_issues_and_then_waits", ca(), |machine| {
        run("postfix", &["start"]);
        let table = machine.snippet("/etc/cron.d/acme");
        // Five fields of time, a user, and the rest.
        let mut rest = table.trim();
        for _ in 0..5 {
            let (field, after) = rest.split_once(char::is_whitespace).expect("a field");
            assert!(field.chars().all(|c| c.is_ascii_digit() || "*,-/".contains(c)), "{field}");
            rest = after.trim_start();
        }
        let (user, command) = rest.split_once(char::is_whitespace).expect("a user");
        assert_eq!(user, "root");
        // cron ends a command at a `%`.
        assert!(!command.contains('%') && !command.contains('\n'), "{command}");
        let start = || {
            let mut shell = Command::new("/bin/sh");
            shell
                .args(["-c", command.trim()])
                .current_dir("/root")
                .stdin(Stdio::null())
                .env_clear();
            let variables = [
                ("HOME", "/root"),
                ("LOGNAME", "root"),
                ("SHELL", "/bin/sh"),
                ("PATH", "/usr/bin:/bin"),
            ];
            let output = shell.envs(variables).output().expect("a shell");
            assert!(output.status.success(), "{}", text(&output));
            text(&output)
        };
        let said = start();
        assert!(said.contains("issued for mail.example.org"), "{said}");
        assert!(said.contains("running /usr/sbin/postfix reload"), "{said}");
        let said = start();
        assert!(said.contains("not due until 20"), "{said}");
        assert_eq!(machine.ca.certificates_issued(), 1);
    });
}

#[test]
fn the_units_of_systemd_are_in_order() {
    on_a_machine("running_it::the_units_of_systemd_are_in_order", ca(), |machine| {
        let units = ["acme-mail.service", "acme-mail.timer", "acme.service"];
        let paths = units.map(|unit| format!("/etc/systemd/system/{unit}"));
        paths.iter().for_each(|path| drop(machine.place(path)));
        for path in &paths {
            let said = run("systemd-analyze", &["verify", path]);
            // It says what it ignores, and succeeds.
            assert!(!said.contains("acme"), "{said}");
        }
        run("systemd-analyze", &["calendar", "*-*-* 04,16:00:00"]);
    });
}

#[test]
fn the_command_of_the_service_issues() {
    on_a_machine("running_it::the_command_of_the_service_issues", ca(), |machine| {
        machine.without_systemd();
        run("postfix", &["start"]);
        let unit = machine.snippet("/etc/systemd/system/acme-mail.service");
        let output = exec_start(&unit).output().expect("a program");
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(fs::read_to_string("/run/systemctl").expect("a call"), "reload postfix\n");
    });
}

/// Starts the daemon as its unit does, with another configuration.
fn daemon(machine: &Machine, configuration: &str) -> Running {
    machine.place(configuration);
    let unit = machine.snippet("/etc/systemd/system/acme.service");
    let unit = unit.replace("/etc/acme/acme.toml", configuration);
    Running::start(&mut exec_start(&unit))
}

#[test]
fn nginx_serves_the_certificate_and_loads_the_renewed_one() {
    let name = "running_it::nginx_serves_the_certificate_and_loads_the_renewed_one";
    on_a_machine(name, short_lived_ca(), |machine| {
        machine.place("/etc/nginx/conf.d/acme.conf");
        run("nginx", &[]);
        let daemon = daemon(machine, "/etc/acme/acme.toml");
        daemon.wait_for(" example.org: obtained, valid until");
        daemon.wait_for(" shop.example.org: obtained, valid until");
        machine.place("/etc/nginx/conf.d/example.org.conf");
        run("nginx", &["-s", "reload"]);
        let first = machine.serial(443, "www.example.org", &[]);
        wait_until("the renewed certificate", || machine.serial(443, "example.org", &[]) != first);
        assert!(
            daemon.said().contains(" example.org: the deploy hook \"nginx -s reload\" has run")
        );
        daemon.end();
    });
}

#[test]
fn haproxy_serves_the_certificate_and_loads_the_renewed_one() {
    let name = "running_it::haproxy_serves_the_certificate_and_loads_the_renewed_one";
    on_a_machine(name, short_lived_ca(), |machine| {
        machine.without_systemd();
        let mut configuration = machine.place("/etc/haproxy/haproxy.cfg");
        let start = ["-W", "-D", "-f", "/etc/haproxy/haproxy.cfg", "-p", "/run/haproxy.pid"];
        run("haproxy", &start);
        let daemon = daemon(machine, "/etc/acme/haproxy.toml");
        daemon.wait_for(" example.org: obtained, valid until");
        configuration += &machine.snippet("append");
        write("/etc/haproxy/haproxy.cfg", &configuration);
        run("haproxy", &["-c", "-f", "/etc/haproxy/haproxy.cfg"]);
        run("systemctl", &["reload", "haproxy"]);
        let first = machine.serial(443, "www.example.org", &[]);
        wait_until("the renewed certificate", || machine.serial(443, "example.org", &[]) != first);
        daemon.wait_for(" example.org: the deploy hook \"systemctl reload haproxy\" has run");
        daemon.end();
    });
}

#[test]
fn postfix_offers_the_certificate_by_starttls() {
    on_a_machine("running_it::postfix_offers_the_certificate_by_starttls", ca(), |machine| {
        machine.without_systemd();
        run("postfix", &["start"]);
        let unit = machine.snippet("/etc/systemd/system/acme-mail.service");
        let output = exec_start(&unit).output().expect("a program");
        assert!(output.status.success(), "{}", text(&output));
        run("sh", &["-e", "-c", &machine.snippet("postfix")]);
        let serial = machine.serial(25, "mail.example.org", &["-starttls", "smtp"]);
        let file = "/var/lib/acme/mail.example.org/cert.pem";
        let stored = run("openssl", &["x509", "-noout", "-serial", "-in", file]);
        assert_eq!(stored.trim(), format!("serial={serial}"));
    });
}

/// Returns the words of an instruction in its form of JSON.
fn json_words(dockerfile: &str, instruction: &str) -> Vec<String> {
    let lines = dockerfile.lines().filter_map(|line| line.strip_prefix(instruction));
    let found: Vec<&str> = lines.collect();
    assert_eq!(found.len(), 1, "{instruction}");
    let json = &found[0][found[0].find('[').expect("an array")..];
    serde_json::from_str(json).expect("an array of texts")
}

#[test]
fn the_command_of_the_container_runs_as_its_user() {
    let name = "running_it::the_command_of_the_container_runs_as_its_user";
    on_a_machine(name, TestCa::builder().http_port(8080), |machine| {
        let dockerfile = machine.snippet("Dockerfile");
        let mut user = Vec::new();
        for line in dockerfile.lines() {
            let (instruction, rest) = line.split_once(' ').expect("an instruction");
            let words: Vec<&str> = rest.split(' ').collect();
            match (instruction, words.as_slice()) {
                ("RUN", ["install", words @ ..]) => drop(run("install", words)),
                ("COPY", ["issue", to]) => assert_eq!(*to, "/usr/local/bin/issue"),
                ("COPY", [_, to]) => drop(machine.place(to)),
                ("USER", [ids]) => user.extend(ids.split(':').map(str::to_owned)),
                (
                    "FROM" | "RUN" | "VOLUME" | "EXPOSE" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD",
                    _,
                ) => {}
                _ => panic!("an instruction that no Dockerfile has: {line}"),
            }
        }
        let compose = machine.snippet("compose.yaml");
        assert!(compose.contains("\"80:8080\"") && dockerfile.contains("\nEXPOSE 8080\n"));
        assert!(
            compose.contains("acme:/var/lib/acme")
                && dockerfile.contains("\nVOLUME /var/lib/acme\n")
        );
        let [uid, gid] = user.as_slice() else { panic!("a user and a group: {user:?}") };
        let as_user = |words: &[String]| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", uid, "--regid", gid, "--clear-groups", "--no-new-privs"]);
            command.args(words).env_clear().env("PATH", PATH);
            command
        };
        let mut words = json_words(&dockerfile, "ENTRYPOINT ");
        words.extend(json_words(&dockerfile, "CMD "));
        let daemon = Running::start(&mut as_user(&words));
        daemon.wait_for(" example.org: obtained, valid until");
        let health = json_words(&dockerfile, "HEALTHCHECK ");
        wait_until("the container is healthy", || {
            as_user(&health).output().expect("a program").status.success()
        });
        daemon.end();
        let output = as_user(&health).output().expect("a program");
        assert!(!output.status.success(), "{}", text(&output));
    });
}
