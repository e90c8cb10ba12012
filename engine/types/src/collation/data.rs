//! The collator's data with what a locale's name changes in it: the order of scripts (`kr`) and the direction in which
//! accents compare (`kb`), which the library takes from the locale's data only.

use super::locale::Refusal;
use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::provider::{
    Baked, CollationDiacriticsV1, CollationJamoV1, CollationMetadata, CollationMetadataV1, CollationReordering,
    CollationReorderingV1, CollationRootV1, CollationSpecialPrimariesV1, CollationTailoringV1,
};
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_normalizer::provider::{NormalizerNfdDataV1, NormalizerNfdTablesV1};
use icu_provider::{DataError, DataPayload, DataProvider, DataRequest, DataResponse};
use zerovec::ZeroVec;

/// Bit of the metadata: the locale has an order of scripts of its own.
const REORDERING: u32 = 1 << 5;
/// Bit of the metadata: accents compare from the end.
const BACKWARDS: u32 = 1 << 7;

/// The library's data, changed.
pub struct Changed {
    /// Whether accents compare from the end, if that was said.
    pub backwards: Option<bool>,
    /// Where each first byte of a primary weight goes, if that was said.
    pub order: Option<[u8; 256]>,
}

macro_rules! as_it_is {
    ($from:path: $($marker:ty),*) => {$(
        impl DataProvider<$marker> for Changed {
            fn load(&self, req: DataRequest<'_>) -> Result<DataResponse<$marker>, DataError> {
                DataProvider::<$marker>::load(&$from, req)
            }
        }
    )*};
}
as_it_is!(Baked: CollationSpecialPrimariesV1, CollationRootV1, CollationTailoringV1, CollationDiacriticsV1, CollationJamoV1);
as_it_is!(icu_normalizer::provider::Baked: NormalizerNfdDataV1, NormalizerNfdTablesV1);

impl DataProvider<CollationMetadataV1> for Changed {
    fn load(&self, req: DataRequest<'_>) -> Result<DataResponse<CollationMetadataV1>, DataError> {
        let found = DataProvider::<CollationMetadataV1>::load(&Baked, req)?;
        let mut bits = found.payload.get().bits;
        match self.backwards {
            Some(true) => bits |= BACKWARDS,
            Some(false) => bits &= !BACKWARDS,
            None => {}
        }
        if self.order.is_some() {
            bits |= REORDERING;
        }
        Ok(DataResponse { metadata: found.metadata, payload: DataPayload::from_owned(CollationMetadata { bits }) })
    }
}

impl DataProvider<CollationReorderingV1> for Changed {
    fn load(&self, req: DataRequest<'_>) -> Result<DataResponse<CollationReorderingV1>, DataError> {
        let Some(order) = &self.order else { return DataProvider::<CollationReorderingV1>::load(&Baked, req) };
        let table = CollationReordering {
            min_high_no_reorder: 0,
            reorder_table: ZeroVec::alloc_from_slice(order),
            reorder_ranges: ZeroVec::new(),
        };
        Ok(DataResponse { metadata: Default::default(), payload: DataPayload::from_owned(table) })
    }
}

/// Groups that may be moved and a character at the beginning of each, in the root's order. The first five stand before all
/// scripts unless they are named.
const GROUPS: &[(&str, &str)] = &[
    ("space", "\u{9}"),
    ("punct", "_"),
    ("symbol", "`"),
    ("currency", "¤"),
    ("digit", "0"),
    ("latn", "a"),
    ("grek", "α"),
    ("copt", "ⲁ"),
    ("cyrl", "а"),
    ("glag", "ⰰ"),
    ("geor", "ა"),
    ("armn", "ա"),
    ("hebr", "א"),
    ("phnx", "𐤀"),
    ("samr", "ࠀ"),
    ("arab", "ء"),
    ("syrc", "ܐ"),
    ("thaa", "ހ"),
    ("nkoo", "ߊ"),
    ("tfng", "ⴰ"),
    ("ethi", "ሀ"),
    ("deva", "ॐ"),
    ("beng", "ঀ"),
    ("guru", "ੴ"),
    ("gujr", "ૐ"),
    ("orya", "ଅ"),
    ("taml", "ௐ"),
    ("telu", "అ"),
    ("knda", "ಅ"),
    ("mlym", "അ"),
    ("sinh", "අ"),
    ("thai", "ก"),
    ("laoo", "ກ"),
    ("tibt", "ཀ"),
    ("mymr", "က"),
    ("khmr", "ក"),
    ("mong", "ᠠ"),
    ("cher", "Ꭰ"),
    ("cans", "ᐁ"),
    ("hang", "ᄀ"),
    ("hira", "ぁ"),
    ("bopo", "ㄅ"),
    ("yiii", "ꀀ"),
    ("hani", "一"),
];

/// How many groups are no scripts.
const SPECIAL: usize = 5;

/// The first byte of weights that are never moved: of what is in no script.
const UNMOVED: u8 = 0xfe;

fn group(name: &str) -> Result<usize, Refusal> {
    let name = match name {
        "kana" | "hrkt" | "jpan" => "hira",
        "kore" => "hang",
        "hans" | "hant" => "hani",
        n => n,
    };
    if let Some(g) = GROUPS.iter().position(|g| g.0 == name) {
        return Ok(g);
    }
    // A script that shares its bytes with others.
    let script = name.len() == 4 && icu_locale_core::subtags::Script::try_from_str(name).is_ok();
    Err(if script && name != "xxxx" { Refusal::Missing } else { Refusal::Illegal })
}

/// The permutation of first bytes that an order of groups means.
pub fn order_of(wanted: &[String]) -> Result<[u8; 256], Refusal> {
    const OTHERS: usize = usize::MAX;
    let mut named = Vec::new();
    for w in wanted {
        let g = if w == "zzzz" { OTHERS } else { group(w)? };
        if named.contains(&g) {
            return Err(Refusal::Illegal);
        }
        named.push(g);
    }
    let mut options = CollatorOptions::default();
    options.strength = Some(Strength::Primary);
    let root = CollatorBorrowed::try_new(CollatorPreferences::default(), options).map_err(|_| Refusal::Missing)?;
    let mut first: Vec<u8> = Vec::with_capacity(GROUPS.len());
    for (_, sample) in GROUPS {
        let mut key = Vec::new();
        let Ok(()) = root.write_sort_key_to(sample, &mut key);
        first.push(key.first().copied().unwrap_or(0));
    }
    let end = |g: usize| first.iter().copied().filter(|b| *b > first[g]).min().unwrap_or(UNMOVED);
    let mut list: Vec<usize> = (0..SPECIAL).filter(|g| !named.contains(g)).collect();
    let rest = |list: &mut Vec<usize>| {
        list.extend((SPECIAL..GROUPS.len()).filter(|g| !named.contains(g)));
    };
    let (before, after) = match named.iter().position(|g| *g == OTHERS) {
        Some(at) => (&named[..at], &named[at + 1..]),
        None => (named.as_slice(), [].as_slice()),
    };
    list.extend(before);
    rest(&mut list);
    list.extend(after);
    let mut table: [u8; 256] = std::array::from_fn(|b| b as u8);
    let mut next = first.iter().copied().min().unwrap_or(UNMOVED);
    let mut moved = [false; 256];
    for g in list {
        for b in first[g]..end(g) {
            // Two groups of the list may begin with one byte: the first decides.
            if !std::mem::replace(&mut moved[usize::from(b)], true) {
                table[usize::from(b)] = next;
                next = next.saturating_add(1);
            }
        }
    }
    Ok(table)
}
