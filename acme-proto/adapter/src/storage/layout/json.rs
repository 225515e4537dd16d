//! Values of other types, as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::move_aside;
use crate::storage::access::{Access, Decision, Found, Locking, Write};
use crate::storage::{Key, StorageError, Value};

/// Reads a value as JSON; one that cannot be parsed is moved aside.
pub fn load_json<T: DeserializeOwned + 'static>(key: &Key) -> Access<Found<T>> {
    let key = key.clone();
    let (reads, locking) = (vec![key.clone()], Locking::ToWrite(key.clone()));
    let decide = move |text: Option<Value>| match text {
        None => Decision::new(Vec::new(), Found::Missing),
        Some(text) => match serde_json::from_slice(&text) {
            Ok(value) => Decision::new(Vec::new(), Found::Intact(value)),
            Err(_) => {
                let (aside, writes) = move_aside(&key, &text);
                Decision::new(writes.to_vec(), Found::Damaged { aside })
            }
        },
    };
    Access::new(reads, move |mut reading| Ok(decide(reading.next()))).locking(locking)
}

/// Writes a value as JSON that a person can read.
///
/// # Errors
///
/// [`StorageError::Encode`] if the type has no form in JSON.
pub fn save_json<T: Serialize>(key: &Key, value: &T) -> Result<Access<()>, StorageError> {
    let write = Write::Put(key.clone(), encode(value)?);
    Ok(Access::new(Vec::new(), move |_| Ok(Decision::new(vec![write.clone()], ())))
        .locking(Locking::Always(key.clone())))
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Value, StorageError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map(Value::new)
        .map_err(|source| StorageError::Encode { source })?;
    text.push(b'\n');
    Ok(text)
}
