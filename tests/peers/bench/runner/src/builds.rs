//! What it takes to build each program that is a crate, and what comes of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::client::{CLIENTS, Program};
use crate::install::{Programs, succeed};
use crate::meter;

const HEAD: &str = "commit\tclient\twall_s\tcpu_s\tcrates\tsize\n";

/// One line of `builds.tsv`.
struct Build {
    commit: String,
    client: String,
    wall: f64,
    cpu: f64,
    crates: usize,
    size: u64,
}

impl Build {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [commit, client, wall, cpu, crates, size] = fields[..] else { return None };
        Some(Self {
            commit: commit.to_owned(),
            client: client.to_owned(),
            wall: wall.parse().ok()?,
            cpu: cpu.parse().ok()?,
            crates: crates.parse().ok()?,
            size: size.parse().ok()?,
        })
    }
}

fn file(programs: &Programs) -> PathBuf {
    programs.bench().join("builds.tsv")
}

/// Builds each program from nothing but downloaded sources, and writes what that took.
///
/// Without names of clients it builds all.
pub fn measure(programs: &Programs, commit: &str, clients: &[String]) -> Result<(), String> {
    let target = programs.scratch();
    let mut text = String::from(HEAD);
    for client in &CLIENTS {
        let Program::Crate(package, binary) = client.program else { continue };
        let is_wanted = clients.is_empty() || clients.iter().any(|name| name == client.name);
        if !is_wanted
            || package == "bench-limit"
            || package.trim_start_matches("bench-") != client.name
        {
            continue;
        }
        let _ = fs::remove_dir_all(&target);
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked", "--offline", "--release", "--quiet", "-p", package]);
        cargo.args(["--bin", binary, "--target-dir"]).arg(&target);
        let (start, before) = (Instant::now(), meter::cpu_of_children()?);
        succeed(cargo.current_dir(programs.bench()))?;
        let (wall, cpu) = (start.elapsed().as_secs_f64(), meter::cpu_of_children()? - before);
        let built = fs::metadata(target.join("release").join(binary));
        let size = built.map_err(|error| error.to_string())?.len();
        let crates = crates(programs, package)?;
        let cpu = cpu / 1e3;
        let _ = writeln!(text, "{commit}\t{}\t{wall:.1}\t{cpu:.1}\t{crates}\t{size}", client.name);
        println!("{}: {wall:.1} s, {cpu:.1} s of CPU, {crates} crates, {size} octets", client.name);
    }
    let _ = fs::remove_dir_all(&target);
    fs::write(file(programs), text).map_err(|error| error.to_string())
}

/// Returns how many crates a package brings, itself left out.
fn crates(programs: &Programs, package: &str) -> Result<usize, String> {
    let mut tree = Command::new("cargo");
    tree.args(["tree", "--locked", "--offline", "-e", "normal", "--prefix", "none", "-p", package]);
    let output = tree.current_dir(programs.bench()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    // A crate that was shown before is marked by (*).
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)"));
    Ok(lines.collect::<BTreeSet<_>>().len().saturating_sub(1))
}

/// Returns the section of the page, or nothing if nothing was built.
pub fn section(programs: &Programs, heading: &Path) -> Result<String, String> {
    let text = fs::read_to_string(file(programs)).unwrap_or_default();
    let builds: Vec<Build> = text.lines().filter_map(Build::parse).collect();
    let Some(first) = builds.first() else { return Ok(String::new()) };
    let heading = fs::read_to_string(heading).map_err(|error| error.to_string())?;
    let mut section = format!(
        "{}\n| client, at {} | clean build | CPU | crates | program |\n| --- | ---: | ---: | ---: | ---: |\n",
        heading, first.commit
    );
    for Build { client, wall, cpu, crates, size, .. } in &builds {
        let size = *size as f64 / 1e6;
        let _ =
            writeln!(section, "| {client} | {wall:.0} s | {cpu:.0} s | {crates} | {size:.2} MB |");
    }
    section.push('\n');
    Ok(section)
}
