//! Package catalogues and advisory matching over bytes given (pure).
