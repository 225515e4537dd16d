//! Methods that look at TXT records: dns-01, dns-account-01, dns-persist-01.

use super::shared::Shared;
use crate::authority::{Problem, Validation};

pub(crate) async fn validate(shared: &Shared, validation: &Validation) -> Result<(), Problem> {
    let name = validation.txt_name().unwrap_or_default();
    let values = shared.txt_of(&name).await?;
    validation.judge_txt(&values, shared.now())
}
