//! certbot: `accounts/HOST/PATH/ID`, `live/NAME`, `renewal/NAME.conf`.

use std::fs;
use std::path::Path;

use acme_proto::url::Url;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Import, ImportedAccount, Reader, Unusable, is_missing, name_of, pkcs8_from_jwk, read,
    read_json, url,
};

/// Reads what certbot has stored in its configuration directory.
pub fn certbot(root: impl AsRef<Path>) -> Import {
    let root = root.as_ref();
    let mut reader = Reader::new();
    reader.root(root);
    let accounts = root.join("accounts");
    find_accounts(&mut reader, &accounts, &accounts, 0);
    for folder in reader.folders(&root.join("live")) {
        let name = name_of(&folder);
        let settings = root.join("renewal").join(format!("{name}.conf"));
        let server = match read(&settings) {
            missing if is_missing(&missing) => None,
            found => reader.keep(&settings, found).and_then(|text| server(&text)),
        };
        let (chain, key) = (folder.join("fullchain.pem"), folder.join("privkey.pem"));
        reader.certificate(name, &chain, &key, server);
    }
    reader.import
}

/// Goes through the folders, whose names are the host and the path of the directory.
fn find_accounts(reader: &mut Reader, accounts: &Path, folder: &Path, depth: usize) {
    for found in reader.folders(folder) {
        // A link makes the accounts of one server those of another one.
        if fs::symlink_metadata(&found).is_ok_and(|metadata| metadata.is_symlink()) {
            continue;
        }
        let key = found.join("private_key.json");
        if fs::symlink_metadata(&key).is_ok() {
            let place = folder.strip_prefix(accounts).unwrap_or(folder);
            let place = place.to_string_lossy().replace('\\', "/");
            let account = account(&found, place);
            if let Some(account) = reader.keep(&key, account) {
                reader.import.accounts.push(account);
            }
        } else if depth < MAX_DEPTH {
            find_accounts(reader, accounts, &found, depth + 1);
        }
    }
}

fn account(folder: &Path, place: String) -> Result<ImportedAccount, Unusable> {
    let source = folder.join("private_key.json");
    let key_pem: Zeroizing<String> = pkcs8_from_jwk(&read(&source)?)?;
    // The key is enough: the CA finds the account by it.
    let registration: Registration = read_json(&folder.join("regr.json")).unwrap_or_default();
    let account = registration.uri.as_deref().and_then(url);
    let scheme = match &account {
        Some(url) if !url.is_https() => "http",
        _ => "https",
    };
    Ok(ImportedAccount {
        directory: url(&format!("{scheme}://{place}")),
        place,
        url: account,
        contacts: registration.body.contact,
        key_pem,
        source,
    })
}

/// Returns the directory in the settings of a renewal.
fn server(settings: &[u8]) -> Option<Url> {
    let text = String::from_utf8_lossy(settings);
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim() == "server")?;
    url(value.trim())
}

#[derive(Default, Deserialize)]
struct Registration {
    uri: Option<String>,
    #[serde(default)]
    body: Body,
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    contact: Vec<String>,
}

/// The longest path of a directory that is looked for, in folders.
const MAX_DEPTH: usize = 8;
