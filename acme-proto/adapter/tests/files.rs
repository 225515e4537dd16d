//! Files, locks and what is kept in them, on a real file system.
#![cfg(feature = "ring")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use acme_adapter::account_file::{AccountFile, AccountFileError};
use acme_adapter::atomic::{self, Visibility};
use acme_adapter::key_file::KeyFileError;
use acme_adapter::keys::{self, AccountKey, KeyKind, ProviderKey};
use acme_adapter::lock::{Lock, LockError};
use acme_adapter::store::{OrderFile, OrderFileError};

/// A directory that is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("acme-adapter-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a directory");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = entries.map(|e| name(e.expect("an entry"))).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_replaced_and_nothing_is_left_beside_it() {
    let directory = Directory::new();
    let path = directory.path("file");
    for content in [&b"first, and longer"[..], b"second", b""] {
        atomic::write(&path, content, Visibility::Public).expect("written");
        assert_eq!(fs::read(&path).expect("a file"), content);
    }
    assert_eq!(directory.names(), ["file"]);
}

#[cfg(unix)]
#[test]
fn a_secret_is_readable_by_its_owner_alone_even_if_it_was_not_before() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let path = directory.path("secret");
    let mode = || fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
    atomic::write(&path, b"", Visibility::Public).expect("written");
    assert_eq!(mode() & 0o600, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("our file");
    atomic::write(&path, b"secret", Visibility::Secret).expect("written");
    assert_eq!(mode(), 0o600);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_and_its_target_is_replaced() {
    let directory = Directory::new();
    let (target, link) = (directory.path("target"), directory.path("link"));
    fs::write(&target, "old").expect("written");
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    atomic::write(&link, b"new", Visibility::Public).expect("written");
    assert_eq!(fs::read(&target).expect("a file"), b"new");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
}

#[test]
fn a_write_that_fails_leaves_everything_as_it_was() {
    let directory = Directory::new();
    let occupied = directory.path("occupied");
    fs::create_dir(&occupied).expect("a directory");
    fs::write(occupied.join("inside"), "").expect("written");
    atomic::write(&occupied, b"x", Visibility::Secret).expect_err("it is a directory");
    assert_eq!(directory.names(), ["occupied"]);
    let missing = directory.path("missing").join("file");
    atomic::write(&missing, b"x", Visibility::Secret).expect_err("no such directory");
}

#[test]
fn a_second_handle_finds_the_lock_held_until_the_first_is_dropped() {
    let directory = Directory::new();
    let path = directory.path("account.json");
    let first = Lock::acquire(&path).expect("the lock");
    let second = Lock::acquire(&path).expect_err("it is held");
    assert!(matches!(second, LockError::Held { .. }));
    assert!(second.to_string().contains("account.json is in use"), "{second}");
    assert_eq!(first.path(), path);
    drop(first);
    Lock::acquire(&path).expect("it is free again");
    assert_eq!(directory.names(), ["account.json.lock"]);
}

#[cfg(unix)]
#[test]
fn all_names_of_a_file_share_one_lock() {
    let directory = Directory::new();
    let (path, link) = (directory.path("account.json"), directory.path("link.json"));
    fs::write(&path, "{}").expect("a file");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    let first = Lock::acquire(&link).expect("the lock");
    assert!(matches!(Lock::acquire(&path), Err(LockError::Held { .. })));
    drop(first);
    let first = Lock::acquire(&path).expect("the lock");
    assert!(matches!(Lock::acquire(&link), Err(LockError::Held { .. })));
    drop(first);
}

#[test]
fn a_lock_ends_with_the_process_that_held_it_however_that_ends() {
    // This very test program, run again, is the other process.
    if let Some(path) = std::env::var_os("TEST_LOCK") {
        let lock = Lock::acquire(&PathBuf::from(path));
        println!("{}", if lock.is_ok() { "locked" } else { "not locked" });
        std::thread::sleep(core::time::Duration::from_secs(60));
        return;
    }
    let directory = Directory::new();
    let path = directory.path("order");
    let mut other = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "a_lock_ends_with_the_process_that_held_it_however_that_ends"])
        .arg("--nocapture")
        .env("TEST_LOCK", &path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let output = std::io::BufReader::new(other.stdout.take().expect("a pipe"));
    let locked =
        std::io::BufRead::lines(output).any(|line| line.expect("text").ends_with("locked"));
    assert!(locked);
    assert!(matches!(Lock::acquire(&path), Err(LockError::Held { .. })));
    other.kill().expect("our process");
    other.wait().expect("an end");
    Lock::acquire(&path).expect("the lock is free");
}

#[test]
fn a_lock_in_a_directory_that_does_not_exist_names_it() {
    let directory = Directory::new();
    let error = Lock::acquire(&directory.path("missing").join("x")).expect_err("no directory");
    assert!(matches!(error, LockError::Io { .. }));
    assert!(error.to_string().contains("missing"), "{error}");
}

fn account() -> AccountFile {
    let pem = keys::generate(KeyKind::Es256).expect("a key");
    AccountFile::new("https://ca.example/directory".parse().expect("a URL"), pem).expect("a key")
}

#[test]
fn an_account_comes_back_from_its_file() {
    let directory = Directory::new();
    let path = directory.path("account.json");
    let mut account = account();
    account.save(&path).expect("written");
    assert_eq!(AccountFile::load(&path).expect("an account"), account);
    account.set_account("https://ca.example/acct/1".parse().expect("a URL"));
    account.save(&path).expect("written");
    let loaded = AccountFile::load(&path).expect("an account");
    assert_eq!(loaded, account);
    assert_eq!(loaded.account().map(AsRef::as_ref), Some("https://ca.example/acct/1"));
    assert_eq!(*AccountKey::from(&loaded).to_pem(), **account.key_pem());
}

#[test]
fn the_key_of_another_account_is_not_overwritten() {
    let directory = Directory::new();
    let path = directory.path("account.json");
    let (first, second) = (account(), account());
    first.save(&path).expect("written");
    let error = second.save(&path).expect_err("the first one's key would be lost");
    assert!(matches!(error, AccountFileError::OtherKey { .. }), "{error}");
    assert!(error.to_string().contains("account.json"), "{error}");
    assert_eq!(AccountFile::load(&path).expect("an account"), first);
    fs::write(&path, "something else").expect("written");
    let error = second.save(&path).expect_err("something else would be lost");
    assert!(matches!(error, AccountFileError::Foreign { .. }), "{error}");
    fs::write(&path, "").expect("written");
    second.save(&path).expect("an empty file holds nothing");
}

#[test]
fn every_new_key_is_another_one() {
    let thumbprint = || {
        let key = AccountKey::generate(KeyKind::Es256).expect("a key");
        let provider = keys::default_provider().expect("ring");
        key.load(&provider).expect("a key").thumbprint().to_string()
    };
    // covers 8555-11.1-4
    assert_ne!(thumbprint(), thumbprint());
}

#[test]
fn a_key_with_other_line_ends_is_the_same() {
    let directory = Directory::new();
    let path = directory.path("account.json");
    let account = account();
    let text = account.key_pem().replace('\n', "\r\n");
    let other = AccountFile::new(account.directory().clone(), text).expect("a key");
    account.save(&path).expect("written");
    other.save(&path).expect("the same key");
}

#[test]
fn both_keys_of_a_change_come_back_and_one_of_them_stays() {
    let directory = Directory::new();
    let path = directory.path("account.json");
    let mut file = account();
    let (old, new) = (file.key_pem().clone(), account().key_pem().clone());
    file.set_new_key(new.clone()).expect("a key");
    file.set_new_key(String::from("no key")).expect_err("no key");
    file.save(&path).expect("written");
    let mut loaded = AccountFile::load(&path).expect("an account");
    assert_eq!((loaded.key_pem(), loaded.new_key_pem()), (&old, Some(&new)));
    let provider = keys::default_provider().expect("ring");
    let key = AccountKey::from(&loaded);
    assert!(key.load_new(&provider).expect("a key").is_some());
    loaded.adopt_new_key();
    loaded.save(&path).expect("its key was in the file already");
    let adopted = AccountFile::load(&path).expect("an account");
    assert_eq!((adopted.key_pem(), adopted.new_key_pem()), (&new, None));
    assert!(AccountKey::from(&adopted).load_new(&provider).expect("none").is_none());
    file.drop_new_key();
    assert_eq!((file.key_pem(), file.new_key_pem()), (&old, None));
}

#[cfg(unix)]
#[test]
fn an_account_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let path = directory.path("account.json");
    account().save(&path).expect("written");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_format_of_the_account_file_is_as_documented() {
    let directory = Directory::new();
    let path = directory.path("account.json");
    let account = account();
    let key = account.key_pem().replace('\n', "\\n");
    let text = format!(
        r#"{{"version": 1, "directory": "https://ca.example/directory", "key": "{key}", "more": []}}"#
    );
    fs::write(&path, text).expect("written");
    assert_eq!(AccountFile::load(&path).expect("an account"), account);
}

#[test]
fn what_is_no_account_file_is_refused_with_path_cause_and_remedy_and_left_alone() {
    let directory = Directory::new();
    let path = directory.path("account.json");
    let secret = "c2VjcmV0";
    for text in [
        String::new(),
        "hello".into(),
        "[1, 2]".into(),
        r#"{"directory": "https://ca.example/", "key": ""}"#.into(),
        r#"{"version": 2}"#.into(),
        r#"{"version": 1, "directory": "https://ca.example/"}"#.into(),
        format!(r#"{{"version": 1, "directory": "{secret}", "key": ""}}"#),
        format!(r#"{{"version": 1, "directory": "https://ca.example/", "key": "{secret}"}}"#),
        format!(r#"{{"version": 1, "directory": 7, "key": "{secret}"}}"#),
        " ".repeat(1 << 20),
    ] {
        fs::write(&path, &text).expect("written");
        let error = AccountFile::load(&path).expect_err("no account");
        assert!(matches!(error, AccountFileError::Foreign { .. }), "{text}: {error}");
        let error = error.to_string();
        assert!(error.contains("account.json") && error.contains("name another file"), "{error}");
        assert!(!error.contains(secret), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("a file"), text);
    }
}

#[test]
fn an_account_file_that_is_not_there_is_told_from_one_that_cannot_be_read() {
    let directory = Directory::new();
    let missing = AccountFile::load(&directory.path("account.json")).expect_err("no file");
    assert!(missing.is_not_found());
    let unreadable = AccountFile::load(&directory.0).expect_err("a directory");
    assert!(!unreadable.is_not_found());
    let unwritable = account().save(&directory.path("missing").join("account.json"));
    assert!(matches!(unwritable, Err(AccountFileError::Io { .. })));
}

#[test]
fn an_account_shows_no_key_in_debug() {
    let account = account();
    let secret = account.key_pem().lines().nth(1).expect("base64").to_owned();
    assert!(!format!("{account:?}").contains(&secret));
}

#[test]
fn an_order_file_is_written_read_and_cleared() {
    let directory = Directory::new();
    let file = OrderFile::new(directory.path("order.json"));
    assert_eq!(file.load().expect("no file is no error"), None);
    let json = r#"{"version": 1, "directory": "https://ca.example/directory",
        "request": {"identifiers": [{"type": "dns", "value": "example.org"}]}}"#;
    fs::write(file.path(), json).expect("written");
    let snapshot = file.load().expect("a snapshot").expect("a file");
    file.clear().expect("removed");
    file.clear().expect("nothing to remove is no error");
    file.save(&snapshot).expect("written");
    assert_eq!(file.load().expect("a snapshot"), Some(snapshot));
    assert_eq!(directory.names(), ["order.json"]);
}

#[test]
fn what_is_no_saved_order_is_refused_with_path_and_remedy() {
    let directory = Directory::new();
    let file = OrderFile::new(directory.path("order.json"));
    for text in ["", "hello", "{}", r#"{"version": 1}"#] {
        fs::write(file.path(), text).expect("written");
        let error = file.load().expect_err("no order");
        assert!(matches!(error, OrderFileError::Foreign { .. }), "{text}: {error}");
        assert!(error.to_string().contains("order.json"), "{error}");
    }
}

#[test]
fn a_key_is_generated_once_and_then_loaded() {
    let directory = Directory::new();
    let path = directory.path("key.pem");
    let made = AccountKey::load_or_generate(&path, KeyKind::Es256).expect("a key");
    let loaded = AccountKey::load_or_generate(&path, KeyKind::Ed25519).expect("the same key");
    assert_eq!(made.to_pem(), loaded.to_pem());
    assert_eq!(fs::read_to_string(&path).expect("the file"), *made.to_pem());
    assert_eq!(directory.names(), ["key.pem"]);
    let usable = ProviderKey::load_or_generate(&path, KeyKind::Es256).expect("a usable key");
    let provider = keys::default_provider().expect("a provider");
    let public = made.load(&provider).expect("the same key").public_key().to_json();
    assert_eq!(usable.public_key().to_json(), public);
}

#[cfg(unix)]
#[test]
fn a_generated_key_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = Directory::new();
    let path = directory.path("key.pem");
    ProviderKey::load_or_generate(&path, KeyKind::Es256).expect("a key");
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
}

#[test]
fn a_file_without_a_key_is_kept_and_named() {
    let directory = Directory::new();
    let path = directory.path("notes.txt");
    fs::write(&path, "no key").expect("a file");
    let error = AccountKey::load_or_generate(&path, KeyKind::Es256).expect_err("no key in it");
    assert!(matches!(error, KeyFileError::Key { .. }), "{error:?}");
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "no key");
}

#[test]
fn a_directory_that_is_missing_is_an_error_that_names_the_file() {
    let directory = Directory::new();
    let path = directory.path("missing/key.pem");
    let error = ProviderKey::load_or_generate(&path, KeyKind::Es256).expect_err("no directory");
    assert!(matches!(error, KeyFileError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("key.pem"), "{error}");
}

#[test]
fn of_two_that_generate_at_once_both_get_the_same_key() {
    let directory = Directory::new();
    let path = directory.path("key.pem");
    let keys: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| AccountKey::load_or_generate(&path, KeyKind::Ed25519)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<AccountKey, _>>| {
            thread.join().expect("a thread").expect("a key").to_pem().to_string()
        };
        threads.into_iter().map(join).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{} different keys", keys.len());
    assert_eq!(directory.names(), ["key.pem"]);
}

#[test]
fn a_temporary_file_of_a_dead_writer_is_removed_by_the_next_write_and_a_live_ones_is_not() {
    let directory = Directory::new();
    let path = directory.path("key.pem");
    let (dead, live) = (directory.path(".key.pem.1-0.tmp"), directory.path(".key.pem.1-1.tmp"));
    let (other, foreign) = (directory.path(".cert.pem.1-0.tmp"), directory.path(".key.pem.tmp"));
    for left in [&dead, &live, &other, &foreign] {
        fs::write(left, "a key").expect("written");
    }
    // As a writer does, dead or alive: the system releases the lock of a dead one.
    let file = fs::File::open(&live).expect("a file");
    file.lock().expect("the lock");
    atomic::write(&path, b"new", Visibility::Secret).expect("written");
    let left = [".cert.pem.1-0.tmp", ".key.pem.1-1.tmp", ".key.pem.tmp", "key.pem"];
    assert_eq!(directory.names(), left);
    drop(file);
    assert_eq!(atomic::remove_stale(&directory.0).expect("removed"), 2);
    assert_eq!(directory.names(), [".key.pem.tmp", "key.pem"]);
}
