//! Carries out a blueprint, one observed step after another.
