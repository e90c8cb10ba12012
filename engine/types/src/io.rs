//! Text and binary input and output of every type.

pub mod float;
