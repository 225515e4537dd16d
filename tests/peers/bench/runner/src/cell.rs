//! What is run: clients, numbers of names, networks, validations.

use crate::client::{CLIENTS, Client};

/// The network and the CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    /// How long a validation takes, in milliseconds; 0 is at once.
    pub validation: u32,
    /// The round-trip time in milliseconds.
    pub latency: u32,
}

/// One client under one set of conditions.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub client: &'static Client,
    pub names: u32,
    pub at: Conditions,
}

/// A part of the grid, which is run at once.
pub struct Stage {
    pub name: &'static str,
    names: &'static [u32],
    validations: &'static [u32],
}

pub const LATENCIES: [u32; 3] = [0, 20, 100];

pub const STAGES: [Stage; 6] = [
    Stage { name: "quick", names: &[1, 10], validations: &[0] },
    Stage { name: "hundred", names: &[100], validations: &[0] },
    Stage { name: "thousand", names: &[1000], validations: &[0] },
    Stage { name: "slow", names: &[1, 10], validations: &[1000] },
    Stage { name: "slower", names: &[1, 10], validations: &[4000] },
    Stage { name: "slow-hundred", names: &[100], validations: &[1000, 4000] },
];

impl Stage {
    /// Returns its cells; those of one number of names and one network follow each other, so that they compare.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &validation in self.validations {
            for &names in self.names {
                for latency in LATENCIES {
                    let at = Conditions { validation, latency };
                    let takes_part = |client: &&Client| client.names.contains(&names);
                    let clients = CLIENTS.iter().filter(takes_part);
                    cells.extend(clients.map(|client| Cell { client, names, at }));
                }
            }
        }
        // The slow clients last: a run that ends early has the most of the others.
        cells.sort_by_key(|cell| cell.client.slow);
        cells
    }
}
