//! Deploy hooks: each is run once for each new certificate, and again until it succeeds.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use acme_adapter::clock;
use acme_adapter::storage::layout::{self, Name};
use acme_adapter::storage::{FolderStorage, Key, run};
use acme_proto::identifier::Identifier;
use acme_proto::jose::base64url;
use ring::digest;
use serde::{Deserialize, Serialize};

use super::config::Wanted;
use super::log;
use crate::deploy::{self, Deployment};

/// Runs the deploy hooks in a thread.
#[derive(Debug)]
pub(super) struct Deployer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    storage: FolderStorage,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By the first name of the certificate.
    targets: BTreeMap<String, Target>,
    is_stopped: bool,
}

#[derive(Debug)]
struct Target {
    hook: String,
    names: Vec<Identifier>,
    failures: u32,
    /// When to look at the certificate; `None` until something happens to it.
    due: Option<Instant>,
}

/// What is stored of the last hook that succeeded.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Deployed {
    /// The SHA-256 of the certificate.
    certificate: String,
    hook: String,
}

impl Deployer {
    pub(super) fn start(storage: FolderStorage) -> Self {
        let shared = Shared { storage, state: Mutex::default(), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let working = Arc::clone(&shared);
        let thread = thread::spawn(move || working.work());
        Self { shared, thread: Some(thread) }
    }

    /// Takes the certificates that have a hook, and looks at each of them.
    pub(super) fn set(&self, wanted: &[Wanted]) {
        let mut state = self.shared.state();
        let target = |wanted: &Wanted| {
            let hook = wanted.deploy_hook.clone()?;
            let (names, due) = (wanted.names.clone(), Some(Instant::now()));
            Some((first(&names), Target { hook, names, failures: 0, due }))
        };
        state.targets = wanted.iter().filter_map(target).collect();
        self.shared.changed.notify_all();
    }

    /// Looks at a certificate, whose files may be new.
    pub(super) fn look(&self, name: &str) {
        let mut state = self.shared.state();
        if let Some(target) = state.targets.get_mut(name) {
            (target.failures, target.due) = (0, Some(Instant::now()));
        }
        self.shared.changed.notify_all();
    }

    /// Stops the hook that runs, and returns when it has ended.
    pub(super) fn stop(&mut self) {
        self.shared.state().is_stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some((name, hook, names)) = self.next() {
            match self.deploy(&name, &hook, &names) {
                Ok(false) => {}
                Ok(true) => log::say(&name, &format!("the deploy hook {hook:?} has run")),
                Err(why) => self.failed(&name, &hook, &why),
            }
        }
    }

    /// Waits for the next certificate to look at; `None` at the end.
    fn next(&self) -> Option<(String, String, Vec<Identifier>)> {
        let mut state = self.state();
        loop {
            if state.is_stopped {
                return None;
            }
            let now = Instant::now();
            let is_due = |target: &Target| target.due.is_some_and(|due| due <= now);
            let due = state.targets.iter_mut().find(|(_, target)| is_due(target));
            if let Some((name, target)) = due {
                target.due = None;
                return Some((name.clone(), target.hook.clone(), target.names.clone()));
            }
            let next = state.targets.values().filter_map(|target| target.due).min();
            let wait = next.map_or(LONGEST_WAIT, |next| next.saturating_duration_since(now));
            let woken = self.changed.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Runs the hook unless it has succeeded with the stored certificate; returns whether it ran.
    fn deploy(&self, name: &str, hook: &str, names: &[Identifier]) -> Result<bool, String> {
        let said = |error: acme_adapter::storage::StorageError| acme_adapter::error_chain(&error);
        let loaded = run(&self.storage, layout::load_certificate(Name::new(name))).map_err(said)?;
        let Some(certificate) = loaded.certificate() else { return Ok(false) };
        let hash = digest::digest(&digest::SHA256, certificate.leaf().as_der());
        let certificate = base64url::encode(hash.as_ref());
        let (deployed, key) = (Deployed { certificate, hook: hook.to_owned() }, state_key(name));
        let before = run(&self.storage, layout::load_json(&key)).map_err(said)?;
        if before.intact().as_ref() == Some(&deployed) {
            return Ok(false);
        }
        let folder = self.storage.file(&Key::new("certificates").join(name));
        let deployment = Deployment {
            hook,
            names,
            certificate: folder.join("cert.pem"),
            key: Some(folder.join("key.pem")),
            bundle: Some(folder.join("bundle.pem")),
        };
        deploy::run(&deployment, || !self.state().is_stopped)?;
        let saved = layout::save_json(&key, &deployed).map_err(said)?;
        run(&self.storage, saved).map_err(said)?;
        Ok(true)
    }

    fn failed(&self, name: &str, hook: &str, why: &str) {
        let mut state = self.state();
        if state.is_stopped {
            drop(state);
            return log::say(
                name,
                &format!("the deploy hook {hook:?} was stopped; it runs again at the next start"),
            );
        }
        let Some(target) = state.targets.get_mut(name) else { return };
        let wait = FIRST_WAIT.saturating_mul(1 << target.failures.min(20)).min(LONGEST_WAIT);
        target.failures += 1;
        // Unless something has happened to it meanwhile.
        target.due.get_or_insert_with(|| Instant::now() + wait);
        drop(state);
        let at = clock::wall().saturating_add(wait);
        log::say(
            name,
            &format!(
                "the deploy hook {hook:?} {why}; the certificate stays, and the hook runs again at {at:.0}"
            ),
        );
    }
}

pub(super) fn first(names: &[Identifier]) -> String {
    names.first().map(ToString::to_string).unwrap_or_default()
}

fn state_key(name: &str) -> Key {
    Key::new("deployed").join(name)
}

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
