//! Applying the mutants to a scratch copy, one at a time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use acme_conformance::{Coverage, Mutant, choose};

use crate::Arguments;
use crate::suite::{Outcome, Suite};

/// Runs the chosen mutants, and returns whether a test noticed each of them.
pub(crate) fn run(
    arguments: &Arguments,
    mutants: Vec<Mutant>,
    coverage: &Coverage<'_>,
) -> Result<bool, String> {
    let chosen = if arguments.only.is_empty() {
        choose(mutants, arguments.seed, arguments.count)
    } else {
        mutants.into_iter().filter(|m| arguments.only.contains(&m.name)).collect()
    };
    let scratch = Scratch::create(&arguments.work)?;
    let mut results = Results::open(arguments, &scratch.commit);
    for (n, mutant) in chosen.iter().enumerate() {
        if !results.lines.contains_key(&mutant.name) {
            let started = Instant::now();
            let verdict = scratch.verdict(mutant, coverage)?;
            println!(
                "{:>2}/{} {}: {verdict} ({} s)",
                n + 1,
                chosen.len(),
                mutant.name,
                started.elapsed().as_secs()
            );
            results.add(mutant, &verdict)?;
        }
    }
    let survivors = results.survivors(&chosen);
    println!("{} of {} noticed", chosen.len() - survivors.len(), chosen.len());
    for name in &survivors {
        println!("survivor: {name}");
    }
    Ok(survivors.is_empty())
}

/// A copy of the committed sources, and a target directory of its own.
struct Scratch {
    tree: PathBuf,
    target: PathBuf,
    commit: String,
}

impl Scratch {
    /// Updates the copy in `work` to the commit that is checked out here.
    fn create(work: &Path) -> Result<Self, String> {
        fs::create_dir_all(work).map_err(|e| format!("cannot create {}: {e}", work.display()))?;
        let work = work.canonicalize().map_err(|e| format!("{}: {e}", work.display()))?;
        let (tree, target) = (work.join("tree"), work.join("target"));
        let commit = git(Path::new("."), &["rev-parse", "HEAD"])?;
        if !tree.join(".git").exists() {
            let path = tree.display().to_string();
            git(Path::new("."), &["clone", "--quiet", "--no-checkout", ".", &path])?;
        }
        git(&tree, &["fetch", "--quiet", "origin"])?;
        git(&tree, &["fetch", "--quiet", "origin", "HEAD"])?;
        git(&tree, &["checkout", "--quiet", "--force", "--detach", &commit])?;
        Ok(Self { tree, target, commit })
    }

    fn verdict(&self, mutant: &Mutant, coverage: &Coverage<'_>) -> Result<String, String> {
        let suites = Suite::of(&mutant.ids, coverage);
        if suites.is_empty() {
            return Ok("survived: no test cites its IDs".to_owned());
        }
        let path = self.tree.join(&mutant.file);
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let source = fs::read_to_string(&path).map_err(failed)?;
        let mutated = mutant
            .apply(&source)
            .map_err(|count| format!("{}: its text occurs {count} times", mutant.name))?;
        fs::write(&path, mutated).map_err(failed)?;
        let verdict = self.run_suites(&suites);
        fs::write(&path, source).map_err(failed)?;
        verdict
    }

    /// Runs the suites, and stops at the first that fails. CI shows that the same tests pass
    /// without the mutant.
    fn run_suites(&self, suites: &[Suite]) -> Result<String, String> {
        for suite in suites {
            match suite.run(&self.tree, &self.target)? {
                Outcome::Failed(test) => return Ok(format!("noticed by {test}")),
                Outcome::Passed => {}
                Outcome::Broken(why) => return Ok(format!("broken: {}", why.replace('\n', " | "))),
            }
        }
        Ok("survived".to_owned())
    }
}

fn git(dir: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").current_dir(dir).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(format!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// The results so far: name, IDs, verdict.
struct Results {
    path: Option<PathBuf>,
    header: String,
    lines: BTreeMap<String, String>,
}

impl Results {
    /// Reads the results of an interrupted run with the same seed at the same commit.
    fn open(arguments: &Arguments, commit: &str) -> Self {
        let header =
            format!("# seed {}, commit {commit}: name, requirements, verdict", arguments.seed);
        let name = format!("tests/conformance/mutants/seed-{}.tsv", arguments.seed);
        let path = arguments.only.is_empty().then(|| PathBuf::from(name));
        let earlier = path.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let earlier = earlier.filter(|text| text.lines().next() == Some(&header));
        let lines = earlier.iter().flat_map(|text| text.lines().skip(1));
        let lines = lines.filter_map(|line| {
            let name = line.split('\t').next()?;
            Some((name.to_owned(), line.to_owned()))
        });
        Self { path, header, lines: lines.collect() }
    }

    fn add(&mut self, mutant: &Mutant, verdict: &str) -> Result<(), String> {
        let line = format!("{}\t{}\t{verdict}", mutant.name, mutant.ids.join(" "));
        self.lines.insert(mutant.name.clone(), line);
        let mut text = format!("{}\n", self.header);
        for line in self.lines.values() {
            let _ = writeln!(text, "{line}");
        }
        match &self.path {
            Some(path) => fs::write(path, text).map_err(|e| format!("{}: {e}", path.display())),
            None => Ok(()),
        }
    }

    /// Returns the chosen mutants that no test noticed, and those that did not compile.
    fn survivors<'a>(&self, chosen: &'a [Mutant]) -> Vec<&'a str> {
        let noticed =
            |name: &str| self.lines.get(name).is_some_and(|line| line.contains("\tnoticed by "));
        chosen.iter().map(|m| m.name.as_str()).filter(|name| !noticed(name)).collect()
    }
}
