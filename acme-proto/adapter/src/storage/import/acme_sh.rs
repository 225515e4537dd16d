//! acme.sh: `ca/HOST/PATH`, `NAME` and `NAME_ecc`.

use std::fs;
use std::path::Path;

use acme_proto::url::Url;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{
    Import, ImportedAccount, Reader, Unusable, is_missing, known_directories, name_of, read,
    read_json, read_key, url,
};

/// Reads what acme.sh has stored in its home directory.
pub fn acme_sh(root: impl AsRef<Path>) -> Import {
    let root = root.as_ref();
    let mut reader = Reader::new();
    reader.root(root);
    let authorities = root.join("ca");
    find_accounts(&mut reader, &authorities, &authorities, 0);
    for folder in reader.folders(root) {
        let found = name_of(&folder);
        let name = found.strip_suffix("_ecc").unwrap_or(&found);
        let (settings, chain) = (folder.join(format!("{name}.conf")), folder.join("fullchain.cer"));
        // Its own scripts are in other folders.
        let text = read(&settings);
        if is_missing(&text) {
            continue;
        }
        let key = folder.join(format!("{name}.key"));
        let Some(text) = reader.keep(&settings, text) else { continue };
        // Without a certificate, it was never issued.
        if fs::symlink_metadata(&chain).is_ok() {
            let server = setting(&text, "Le_API").as_deref().and_then(url);
            reader.certificate(name.to_owned(), &chain, &key, server);
        }
    }
    reader.import
}

fn find_accounts(reader: &mut Reader, authorities: &Path, folder: &Path, depth: usize) {
    for found in reader.folders(folder) {
        let key = found.join("account.key");
        if fs::symlink_metadata(&key).is_ok() {
            let place = found.strip_prefix(authorities).unwrap_or(&found);
            let account = account(&found, place.to_string_lossy().replace('\\', "/"));
            if let Some(account) = reader.keep(&key, account) {
                reader.import.accounts.push(account);
            }
        }
        if depth < MAX_DEPTH {
            find_accounts(reader, authorities, &found, depth + 1);
        }
    }
}

fn account(folder: &Path, place: String) -> Result<ImportedAccount, Unusable> {
    let source = folder.join("account.key");
    let key_pem = read_key(&source)?;
    // The key is enough: the CA finds the account by it.
    let settings = read(&folder.join("ca.conf")).unwrap_or_default();
    let about: Account = read_json(&folder.join("account.json")).unwrap_or_default();
    let account = setting(&settings, "ACCOUNT_URL").as_deref().and_then(url);
    let mut contacts = about.contact;
    if contacts.is_empty() {
        let email = setting(&settings, "CA_EMAIL").filter(|email| email.contains('@'));
        contacts.extend(email.map(|email| format!("mailto:{email}")));
    }
    let directory = directory(&place, account.as_ref());
    Ok(ImportedAccount { directory, place, url: account, contacts, key_pem, source })
}

/// Returns the directory: its host and path are names of folders, and its port is that of the
/// account.
fn directory(place: &str, account: Option<&Url>) -> Option<Url> {
    // Older versions do not store the path.
    let Some((host, path)) = place.split_once('/') else {
        return known_directories().find(|url| url.host() == place);
    };
    let same = account.filter(|url| url.host().eq_ignore_ascii_case(host));
    let scheme = if same.is_some_and(|url| !url.is_https()) { "http" } else { "https" };
    let authority = same.map_or(host, |url| url.authority());
    url(&format!("{scheme}://{authority}/{path}"))
}

/// Returns a setting of a file that a shell reads.
fn setting(text: &[u8], name: &str) -> Option<String> {
    const BEGIN: &str = "__ACME_BASE64__START_";
    const END: &str = "__ACME_BASE64__END_";

    let text = core::str::from_utf8(text).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.trim() == name)?;
    let value = value.trim().trim_matches(['\'', '"']);
    match value.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(value.to_owned()).filter(|value| !value.is_empty()),
    }
}

#[derive(Default, Deserialize)]
struct Account {
    #[serde(default)]
    contact: Vec<String>,
}

/// The longest path of a directory that is looked for, in folders.
const MAX_DEPTH: usize = 8;
