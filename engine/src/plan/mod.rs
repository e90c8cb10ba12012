//! Planning: [`ir`] is the typed tree that the binder makes and that both executors read.

pub mod ir;
pub mod leak;
pub mod strict;
pub mod walk;
