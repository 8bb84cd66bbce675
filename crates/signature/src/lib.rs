//! Signature formats and verification of bytes given (pure).
