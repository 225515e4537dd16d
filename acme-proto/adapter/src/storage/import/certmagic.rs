//! certmagic: `acme/CA/users/EMAIL` and `certificates/CA/NAME`.

use std::path::Path;

use acme_proto::url::Url;
use serde::Deserialize;

use super::{
    Import, ImportedAccount, Reader, Unusable, known_directories, name_of, read_json, read_key, url,
};

/// Reads what certmagic has stored in a folder, as Caddy 2 and other servers use it.
///
/// certmagic stores a name of the directory that does not always tell its URL, so
/// [`ImportedAccount::directory`] is known for public CAs, and for those of the certificates.
pub fn certmagic(root: impl AsRef<Path>) -> Import {
    let root = root.as_ref();
    let mut reader = Reader::new();
    reader.root(root);
    let mut directories: Vec<Url> = known_directories().collect();
    for authority in reader.folders(&root.join("certificates")) {
        for site in reader.folders(&authority) {
            let file = |ending: &str| site.join(format!("{}.{ending}", name_of(&site)));
            let about: Site = read_json(&file("json")).unwrap_or_default();
            let server = about.issuer_data.and_then(|data| url(&data.ca?));
            directories.extend(server.clone());
            let name = about.sans.into_iter().next();
            let name = name.unwrap_or_else(|| name_of(&site).replacen("wildcard_", "*", 1));
            reader.certificate(name, &file("crt"), &file("key"), server);
        }
    }
    for authority in reader.folders(&root.join("acme")) {
        let place = name_of(&authority);
        let directory = directories.iter().find(|url| safe(url) == place);
        for user in reader.folders(&authority.join("users")) {
            for key in reader.entries(&user) {
                if key.extension().is_some_and(|extension| extension == "key") {
                    let account = account(&key, &place, directory);
                    if let Some(account) = reader.keep(&key, account) {
                        reader.import.accounts.push(account);
                    }
                }
            }
        }
    }
    reader.import
}

fn account(key: &Path, place: &str, directory: Option<&Url>) -> Result<ImportedAccount, Unusable> {
    let key_pem = read_key(key)?;
    // The key is enough: the CA finds the account by it.
    let about: Account = read_json(&key.with_extension("json")).unwrap_or_default();
    Ok(ImportedAccount {
        directory: directory.cloned(),
        place: place.to_owned(),
        url: about.location.as_deref().and_then(url),
        contacts: about.contact,
        key_pem,
        source: key.to_owned(),
    })
}

/// Returns the name that certmagic gives to a directory.
fn safe(directory: &Url) -> String {
    let path = directory.path_and_query();
    let path = path.split('?').next().unwrap_or_default().replace(['/', '\\'], "-");
    let path = path.trim_matches('-');
    let joined = match path {
        "" => directory.authority().to_owned(),
        path => format!("{}-{path}", directory.authority()),
    };
    let joined = joined.to_lowercase().replace(' ', "_").replace('+', "_plus_");
    let joined = joined.replace('*', "wildcard_").replace(':', "-").replace("..", "");
    joined.chars().filter(|c| c.is_ascii_alphanumeric() || "_@.-".contains(*c)).collect()
}

#[derive(Default, Deserialize)]
struct Account {
    location: Option<String>,
    #[serde(default)]
    contact: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Site {
    #[serde(default)]
    sans: Vec<String>,
    issuer_data: Option<IssuerData>,
}

#[derive(Deserialize)]
struct IssuerData {
    ca: Option<String>,
}
