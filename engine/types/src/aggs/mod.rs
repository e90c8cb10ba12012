//! Aggregates. Each is a state that takes rows, can be written as bytes and merged (for spilling and partial aggregation),
//! and gives PostgreSQL's answer: `sum(int4)` is an exact int8, `avg` of integers a numeric with PostgreSQL's scale, the
//! variances of exact types are exact.

pub mod codec;
pub mod collect;
pub mod count;
pub mod exact;
pub mod float;
pub mod interval;
pub mod json;
pub mod jsonb;
pub mod minmax;
pub mod money;
pub mod ordered;
pub mod range;
pub mod sqljson;
pub mod xml;
