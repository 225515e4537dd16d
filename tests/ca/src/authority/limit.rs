//! A rate limit (RFC 8555 Section 6.6).

use super::ca::Ca;
use super::problem::Problem;

const HOUR: u64 = 60 * 60 * 1000;

impl Ca {
    /// Checks that the account may create one more order in this hour.
    pub(super) fn require_pace(&self, account: u64, now: u64) -> Result<(), Problem> {
        let Some(limit) = self.config.orders_per_hour else {
            return Ok(());
        };
        let orders = self.accounts.get(&account).map(|a| a.orders.as_slice()).unwrap_or_default();
        let created = orders.iter().filter_map(|id| Some(self.orders.get(id)?.created));
        let recent: Vec<u64> = created.filter(|created| created + HOUR > now).collect();
        if recent.len() < limit {
            return Ok(());
        }
        // The next order is accepted when this one is an hour old. With a limit of 0 none ever is.
        let oldest = recent.get(recent.len() - limit).copied().unwrap_or(now);
        let seconds = (oldest + HOUR - now).div_ceil(1000);
        let detail = format!("an account may create {limit} orders in an hour");
        Err(Problem::new(429, "rateLimited", detail)
            .with_header("Retry-After", seconds.to_string())
            .with_header("Link", format!("<{}>;rel=\"help\"", self.url("/help"))))
    }
}
