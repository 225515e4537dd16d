//! No copy of a private key's text stays in memory after everything that holds it is dropped.
//!
//! The test reads the memory of a process of its own, so that no other test's keys are in it.
#![cfg(all(target_os = "linux", feature = "ring"))]
#![allow(clippy::unwrap_used)] // tests

use std::fs::{self, File, Permissions};
use std::hint::black_box;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::{env, process};

use acme_adapter::account_file::AccountFile;
use acme_adapter::dns_update::TsigKey;
use acme_adapter::keys::{AccountKey, KeyKind, ProviderKey};
use rustls::crypto::CryptoProvider;
use zeroize::Zeroizing;

const FOLDER: &str = "ACME_TEST_FREED_MEMORY";

#[test]
fn a_keys_text_is_in_no_freed_memory() {
    let folder = env::temp_dir().join(format!("acme-freed-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let key = AccountKey::generate(KeyKind::Es256).unwrap();
    let pem = key.to_pem();
    fs::write(folder.join("key.pem"), pem.as_bytes()).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    let update = format!("key a {{ algorithm hmac-sha256;\nsecret\n{secret}; }};\n");
    fs::write(folder.join("update.key"), &update).unwrap();
    fs::set_permissions(folder.join("update.key"), Permissions::from_mode(0o600)).unwrap();
    let notes = [b"friendlyName: caf\xe9\n", pem.as_bytes()].concat();
    fs::write(folder.join("notes.pem"), notes).unwrap();
    let damaged: Vec<_> = pem.lines().flat_map(|line| [line.as_bytes(), b"\xff\n"]).collect();
    fs::write(folder.join("damaged.pem"), damaged.concat()).unwrap();
    let directory = "https://ca.example/directory".parse().unwrap();
    AccountFile::new(directory, pem).unwrap().save(&folder.join("account.json")).unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_other_process", "--nocapture", "--test-threads", "1"])
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned()
        + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("nothing is left"), "{said}");
}

/// What the test above runs in a process of its own; without it, there is nothing to do.
#[test]
fn the_other_process() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let file = folder.join("key.pem");
    let needle = Needle::of(&file);
    let held = AccountKey::load_or_generate(&file, KeyKind::Es256).unwrap();
    assert!(needle.count() > 0, "a key that is held is found");
    drop(black_box(held));
    needle.assert_gone("an account key from a file");
    for (what, work) in WORK {
        work(&folder, &provider);
        needle.assert_gone(what);
    }
    let update = folder.join("update.key");
    let needle = Needle::of(&update);
    drop(black_box(TsigKey::load(&update).unwrap()));
    needle.assert_gone("a TSIG key from a file");
    let new = folder.join("new.pem");
    drop(black_box(AccountKey::load_or_generate(&new, KeyKind::Es256).unwrap()));
    Needle::of(&new).assert_gone("a key that was generated and stored");
    println!("nothing is left");
}

type Work = fn(&Path, &Arc<CryptoProvider>);

const WORK: [(&str, Work); 5] = [
    ("a key in the provider, from a file", |folder, _| {
        let key = ProviderKey::load_or_generate(folder.join("key.pem"), KeyKind::Es256);
        drop(black_box(key.unwrap()));
    }),
    ("an account file that is loaded, saved, and cloned", |folder, provider| {
        let path = folder.join("account.json");
        let account = AccountFile::load(&path).unwrap();
        account.save(&path).unwrap();
        let key = AccountKey::from(&account);
        let copies = black_box((account.clone(), key.to_pem(), key.clone()));
        drop((copies, black_box((account, key.load(provider).unwrap(), key))));
    }),
    ("a text with octets that are not UTF-8 beside the key", |folder, _| {
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        File::open(folder.join("notes.pem")).unwrap().read_to_end(&mut text).unwrap();
        let der = acme_proto::pem::decode_one(&text, "PRIVATE KEY").unwrap();
        drop(black_box(Zeroizing::new(der)));
    }),
    ("a key whose lines are not UTF-8", |folder, _| {
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        File::open(folder.join("damaged.pem")).unwrap().read_to_end(&mut text).unwrap();
        assert!(acme_proto::pem::decode_one(&text, "PRIVATE KEY").is_err());
    }),
    ("a key with a line too many", |folder, _| {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        File::open(folder.join("key.pem")).unwrap().read_to_string(&mut text).unwrap();
        text.push_str("-----BEGIN PRIVATE KEY-----\n");
        assert!(AccountKey::from_pem(&text).is_err());
    }),
];

/// A part of a key's text, kept in another form: it would find itself.
struct Needle(Vec<u8>);

const MASK: u8 = 0x5a;

impl Needle {
    /// Takes a part of the second line, which has the end of the private scalar.
    fn of(path: &Path) -> Self {
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        File::open(path).unwrap().read_to_end(&mut text).unwrap();
        let line = text.split(|octet| *octet == b'\n').nth(2).unwrap();
        Self(line[..24].iter().map(|octet| octet ^ MASK).collect())
    }

    fn assert_gone(&self, what: &str) {
        assert_eq!(self.count(), 0, "{what} left copies of the key's text behind");
    }

    /// Returns how many times it is in the memory of this process.
    fn count(&self) -> usize {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut memory = File::open("/proc/self/mem").unwrap();
        let mut piece = Zeroizing::new(vec![0; 1 << 16]);
        let own = piece.as_ptr() as usize;
        let own = own..own + piece.len();
        let mut found = 0;
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(access)) = (words.next(), words.next()) else { continue };
            let ends = range.split_once('-').map(|ends| [ends.0, ends.1]).unwrap();
            let [start, end] = ends.map(|end| usize::from_str_radix(end, 16).unwrap());
            if !access.starts_with("rw") {
                continue;
            }
            let mut at = start;
            while at < end {
                let length = piece.len().min(end - at);
                memory.seek(SeekFrom::Start(at as u64)).unwrap();
                let Ok(read @ 1..) = memory.read(&mut piece[..length]) else { break };
                found += self
                    .places(&piece[..read])
                    .filter(|place| !own.contains(&(at + place)))
                    .count();
                // Also what lies across the end of a piece.
                at += if read > 64 && at + read < end { read - 64 } else { read };
            }
        }
        found
    }

    fn places<'a>(&'a self, piece: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let is_here = |window: &[u8]| window.iter().zip(&self.0).all(|(a, b)| a ^ MASK == *b);
        let windows = piece.windows(self.0.len()).enumerate();
        windows.filter(move |(_, window)| is_here(window)).map(|(place, _)| place)
    }
}
