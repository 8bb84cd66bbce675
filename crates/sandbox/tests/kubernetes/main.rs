//! The embedded Kubernetes API, through a real client.

#[cfg(test)]
mod access;
#[cfg(all(test, feature = "peers"))]
mod contract;
#[cfg(test)]
mod eviction;
#[cfg(test)]
mod hostile;
#[cfg(all(test, feature = "peers"))]
mod kubectl;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod world;
#[cfg(test)]
mod writes;
