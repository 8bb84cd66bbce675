//! The embedded registry, through HTTP and through real clients.
#![cfg(feature = "peers")]

#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod referrers;
#[cfg(test)]
mod served;
#[cfg(test)]
mod tools;
