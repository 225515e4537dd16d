//! dns-01 by a command of the user's.
