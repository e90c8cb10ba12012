//! Text search: tsvector and tsquery, matching and ranking, and how text becomes them.
//!
//! A document is a [`vector::TsVector`], a query a [`query::TsQuery`]; [`matching`] says whether they agree, [`rank`] how well.
//! Text is cut into tokens by [`tokens`], whose words dictionaries ([`dict`]) bring to their lexemes; [`documents`] has the
//! functions. [`headline`] shows why a document matches. [`stat`] folds the rows of queries. Left out: ispell, synonym and thesaurus dictionaries,
//! stemmers and stop words of languages that the stemming library or [`stop`] lack (0A000).

pub mod dict;
pub mod documents;
pub mod headline;
mod jsontext;
mod kernels;
mod lex;
pub mod matching;
pub mod query;
pub mod rank;
pub mod rewrite;
pub mod stat;
pub mod stop;
pub mod tokens;
pub mod vector;

pub use kernels::KERNELS;
