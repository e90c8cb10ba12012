//! Stop words: words too common to search for, by name of their list.

use std::collections::HashSet;
use std::sync::LazyLock;

/// English function words: pronouns, auxiliaries, articles, conjunctions, prepositions and adverbs of place and degree.
const ENGLISH: &str = "
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
itself they them their theirs themselves what which who whom this that these those am is are was were be been being have
has had having do does did doing a an the and but if or because as until while of at by for with about against between
into through during before after above below to from up down in out on off over under again further then once here there
when where why how all any both each few more most other some such no nor not only own same so than too very s t can will
just don should now";

/// The list of a name; `None` if there is none.
pub fn words(name: &str) -> Option<&'static HashSet<&'static str>> {
    static ENGLISH_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ENGLISH.split_whitespace().collect());
    (name == "english").then_some(&*ENGLISH_WORDS)
}
