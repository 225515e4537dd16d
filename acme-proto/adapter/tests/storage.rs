//! The storages, on a real file system and in memory.
#![cfg(feature = "ring")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use acme_adapter::storage::conformance::{Rule, check, check_shared};
use acme_adapter::storage::{
    FolderStorage, Key, LockGuard, MAX_VALUE_LEN, MemoryStorage, Storage, StorageError, Value,
};

/// A directory that is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("acme-storage-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory");
        Self(path)
    }

    fn open(&self) -> FolderStorage {
        FolderStorage::open(self.0.join("state")).expect("a folder")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns every path below a folder, relative to it.
fn paths(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let relative = path.strip_prefix(folder).expect("below it");
            found.push(relative.to_str().expect("text").to_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_storages_keep_the_rules() {
    let directory = Directory::new();
    let folder = directory.open();
    check(&folder).expect("the rules hold");
    check_shared(&folder, &directory.open()).expect("the rules hold");
    let memory = MemoryStorage::new();
    check(&memory).expect("the rules hold");
    check_shared(&memory, &memory.clone()).expect("the rules hold");
}

#[test]
fn the_suite_leaves_no_value_behind() {
    let directory = Directory::new();
    let folder = directory.open();
    check(&folder).expect("the rules hold");
    let files = paths(folder.path());
    let values = files
        .iter()
        .filter(|path| !path.starts_with(".locks") && folder.path().join(path).is_file());
    assert_eq!(values.count(), 0, "{files:?}");
}

/// A storage in memory with one fault.
struct Broken {
    memory: MemoryStorage,
    fault: Rule,
    torn: Mutex<Option<Key>>,
    temporary: Mutex<Vec<u8>>,
}

impl Broken {
    fn with(fault: Rule) -> Self {
        Self {
            memory: MemoryStorage::new(),
            fault,
            torn: Mutex::default(),
            temporary: Mutex::default(),
        }
    }

    fn place(&self, key: &Key) -> Key {
        if self.fault == Rule::Apart {
            // A file system without case, and names that are not escaped.
            return Key::parse(&key.as_str().replace("%41", "a")).expect("a key");
        }
        key.clone()
    }
}

impl Storage for Broken {
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        if self.torn.lock().expect("a lock").as_ref() == Some(key) {
            return Ok(Some(Value::new(b"half".to_vec())));
        }
        let found = self.memory.get(&self.place(key))?;
        match self.fault {
            Rule::Missing if found.is_none() => Err(StorageError::other(key, "no such row")),
            _ => Ok(found),
        }
    }

    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        let there = self.memory.get(key)?;
        match self.fault {
            Rule::Octets => {
                let text = String::from_utf8_lossy(value).into_owned();
                return self.memory.put(key, text.as_bytes());
            }
            Rule::Replace if there.is_some() => return Ok(()),
            Rule::Atomic if value.len() > 99_999 => {
                *self.torn.lock().expect("a lock") = Some(key.clone());
                std::thread::sleep(Duration::from_millis(5));
            }
            // One temporary file for all.
            Rule::Concurrent if key.as_str().contains("threads") => {
                *self.temporary.lock().expect("a lock") = value.to_vec();
                std::thread::sleep(Duration::from_millis(5));
                let written = self.temporary.lock().expect("a lock").clone();
                return self.memory.put(key, &written);
            }
            _ => {}
        }
        self.memory.put(&self.place(key), value)?;
        *self.torn.lock().expect("a lock") = None;
        Ok(())
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        if self.fault == Rule::Delete {
            return Ok(());
        }
        self.memory.delete(&self.place(key))
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        let mut keys = self.memory.list(prefix)?;
        match self.fault {
            Rule::List => keys.retain(|key| key.segments().count() == 3),
            Rule::LockIsNoValue => keys.retain(|key| !key.as_str().ends_with("/lock")),
            _ => {}
        }
        Ok(keys)
    }

    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        match self.fault {
            Rule::LockExcludes => Ok(Some(LockGuard::new(()))),
            Rule::LockApart => self.memory.try_lock(&Key::new("the lock")),
            Rule::LockReleases => Ok(self.memory.try_lock(key)?.map(|guard| {
                std::mem::forget(guard);
                LockGuard::new(())
            })),
            Rule::LockIsNoValue => {
                self.memory.put(key, b"locked")?;
                self.memory.try_lock(key)
            }
            _ => self.memory.try_lock(key),
        }
    }

    fn lock(&self, key: &Key, limit: Duration) -> Result<LockGuard, StorageError> {
        match self.fault {
            Rule::LockWaits => {
                self.try_lock(key)?.ok_or_else(|| StorageError::Locked { key: key.clone() })
            }
            _ => self.memory.lock(key, limit),
        }
    }
}

#[test]
fn the_suite_finds_every_fault_and_names_its_rule() {
    for fault in [
        Rule::Missing,
        Rule::Octets,
        Rule::Replace,
        Rule::Apart,
        Rule::Delete,
        Rule::List,
        Rule::Atomic,
        Rule::Concurrent,
        Rule::LockExcludes,
        Rule::LockApart,
        Rule::LockReleases,
        Rule::LockIsNoValue,
        Rule::LockWaits,
    ] {
        let violation = check(&Broken::with(fault)).expect_err(&format!("{fault:?}"));
        assert_eq!(violation.rule(), fault, "{violation}");
        assert!(violation.to_string().starts_with(&fault.to_string()), "{violation}");
    }
    let violation = check_shared(&MemoryStorage::new(), &MemoryStorage::new()).expect_err("two");
    assert_eq!(violation.rule(), Rule::Shared, "{violation}");
}

#[test]
fn the_path_of_a_file_is_its_key() {
    let directory = Directory::new();
    let folder = directory.open();
    let key = Key::new("certificates").join("*.example.org").join("bundle.pem");
    folder.put(&key, b"x").expect("stored");
    let files = ["certificates", "certificates/_wildcard_.example.org"];
    assert_eq!(paths(folder.path())[..2], files);
    assert!(folder.file(&key).ends_with("certificates/_wildcard_.example.org/bundle.pem"));
    assert_eq!(fs::read(folder.file(&key)).expect("a file"), b"x");
}

#[cfg(unix)]
#[test]
fn folders_and_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let folder = directory.open();
    let key = Key::new("a").join("b").join("c");
    folder.put(&key, b"secret").expect("stored");
    drop(folder.try_lock(&key).expect("a lock").expect("it is free"));
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    for path in paths(folder.path()) {
        let path = folder.path().join(path);
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_refused_and_its_target_left_alone() {
    use std::os::unix::fs::symlink;
    let directory = Directory::new();
    let folder = directory.open();
    let outside = directory.0.join("outside");
    fs::create_dir(&outside).expect("a directory");
    fs::write(outside.join("key.pem"), "theirs").expect("written");
    symlink(&outside, folder.path().join("linked")).expect("a link");
    symlink(outside.join("key.pem"), folder.path().join("file")).expect("a link");
    for key in [Key::new("linked").join("key.pem"), Key::new("file")] {
        let refused = [
            folder.get(&key).map(drop),
            folder.put(&key, b"ours"),
            folder.delete(&key),
            folder.list(&key).map(drop),
        ];
        for result in refused {
            let error = result.expect_err("a link");
            assert!(matches!(error, StorageError::NotPlain { .. }), "{error}");
        }
    }
    assert_eq!(fs::read(outside.join("key.pem")).expect("a file"), b"theirs");
    fs::set_permissions(&outside, std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("ours");
    let error = FolderStorage::open(&outside).expect_err("everyone can write there");
    assert!(matches!(error, StorageError::Exposed { .. }), "{error}");
}

#[test]
fn what_cannot_be_stored_or_read_is_named() {
    let directory = Directory::new();
    let folder = directory.open();
    let key = Key::new("long");
    let long = vec![0; MAX_VALUE_LEN + 1];
    for storage in [&folder as &dyn Storage, &MemoryStorage::new()] {
        let error = storage.put(&key, &long).expect_err("too long");
        assert!(matches!(error, StorageError::TooLong { .. }), "{error}");
        assert!(storage.get(&key).expect("read").is_none());
    }
    fs::write(folder.file(&key), &long).expect("written");
    let error = folder.get(&key).expect_err("too long");
    assert!(matches!(error, StorageError::TooLong { .. }), "{error}");
    fs::write(directory.0.join("occupied"), "").expect("written");
    let error = FolderStorage::open(directory.0.join("occupied")).expect_err("a file");
    assert!(error.to_string().contains("occupied"), "{error}");
}

#[test]
fn files_that_others_put_there_are_in_no_list() {
    let directory = Directory::new();
    let folder = directory.open();
    let key = Key::new("a").join("b");
    folder.put(&key, b"x").expect("stored");
    for name in ["Notes.TXT", "b~", ".hidden", "b c"] {
        fs::write(folder.path().join("a").join(name), "").expect("written");
    }
    assert_eq!(folder.list(&Key::new("a")).expect("a list"), [key]);
}

#[test]
fn a_temporary_file_with_a_key_of_a_killed_process_is_gone_after_the_next_open() {
    const NAME: &str =
        "a_temporary_file_with_a_key_of_a_killed_process_is_gone_after_the_next_open";
    let key = Key::new("keys").join("key.pem");
    let value = |n: u8| vec![n; 8 << 20];
    if let Some(path) = std::env::var_os("TEST_WRITE") {
        let folder = FolderStorage::open(path).expect("a folder");
        loop {
            folder.put(&key, &value(1)).expect("stored");
            folder.put(&key, &value(2)).expect("stored");
        }
    }
    let directory = Directory::new();
    let folder = directory.open();
    folder.put(&key, &value(1)).expect("stored");
    let temporary = || {
        let files = paths(folder.path());
        files.into_iter().find(|path| path.ends_with(".tmp"))
    };
    let start = Instant::now();
    let left = loop {
        let mut writer = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", NAME])
            .env("TEST_WRITE", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        while temporary().is_none() {
            assert!(start.elapsed() < Duration::from_secs(120), "no temporary file is ever there");
        }
        writer.kill().expect("our process");
        writer.wait().expect("an end");
        // It may have been renamed in time.
        if let Some(left) = temporary() {
            break left;
        }
    };
    assert!(left.starts_with("keys/.key.pem."), "{left}");
    let again = FolderStorage::open(folder.path()).expect("a folder");
    assert_eq!(temporary(), None);
    let found = again.get(&key).expect("read").expect("a value");
    assert!([value(1), value(2)].contains(&found), "neither old nor new");
}

#[test]
fn a_lock_of_a_killed_process_is_free() {
    if let Some(path) = std::env::var_os("TEST_LOCKED") {
        let folder = FolderStorage::open(path).expect("a folder");
        let _lock = folder.try_lock(&Key::new("a")).expect("a lock").expect("it is free");
        println!("locked");
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let directory = Directory::new();
    let folder = directory.open();
    let mut other = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "a_lock_of_a_killed_process_is_free", "--nocapture"])
        .env("TEST_LOCKED", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let output = std::io::BufReader::new(other.stdout.take().expect("a pipe"));
    let mut lines = std::io::BufRead::lines(output);
    assert!(lines.any(|line| line.expect("text").ends_with("locked")));
    assert!(folder.try_lock(&Key::new("a")).expect("a lock").is_none());
    other.kill().expect("our process");
    other.wait().expect("an end");
    assert!(folder.try_lock(&Key::new("a")).expect("a lock").is_some());
}
