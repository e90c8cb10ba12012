//! Text search: tsvector and tsquery, matching and ranking, and how text becomes them.
//!
//! A document is a [`vector::TsVector`], a query a [`query::TsQuery`]; [`matching`] says whether they agree, [`rank`] how well.
//! Text is cut into tokens by [`tokens`], whose words dictionaries ([`dict`]) bring to their lexemes; [`documents`] has the
//! functions. Dictionaries of files are [`synonym`], [`thesaurus`] and [`ispell`] (its files: [`affix`]). [`headline`] shows why a
//! document matches. [`stat`] folds the rows of queries. Left out: stemmers of languages that the stemming library lacks
//! (0A000), phrases of a thesaurus in headlines (its single words are known there).

mod affix;
pub mod dict;
pub mod documents;
pub mod files;
pub mod headline;
mod ispell;
mod jsontext;
mod kernels;
mod lex;
pub mod matching;
pub mod query;
pub mod rank;
pub mod rewrite;
pub mod stat;
pub mod stop;
mod synonym;
pub mod thesaurus;
pub mod tokens;
pub mod vector;

pub use kernels::KERNELS;
