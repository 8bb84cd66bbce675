//! The one HTTP client: roots, proxies, retries, limits, conditional requests.
