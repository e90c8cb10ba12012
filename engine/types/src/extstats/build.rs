//! How extended statistics are computed from sampled rows.
//!
//! Every dimension's values are replaced by their ranks first; all else then compares small numbers. NULLs are one value
//! among the others, the last.

use super::{Dependency, Distinct, McvItem, McvList};
use crate::cmp;
use crate::datum::{Datum, TypeRef};
use std::cmp::Ordering;

/// Sampled rows, by dimension.
pub struct Sample<'d> {
    types: Vec<TypeRef>,
    columns: Vec<Vec<&'d Datum>>,
    /// By dimension and row.
    ranks: Vec<Vec<u32>>,
    /// Rows that lists and dependencies leave out, since a value of theirs is too wide.
    wide: Vec<bool>,
    rows: usize,
}

impl<'d> Sample<'d> {
    /// Of one column of values per dimension, all of the same length; `wide` tells values too wide to be compared.
    pub fn new(
        types: Vec<TypeRef>,
        columns: Vec<Vec<&'d Datum>>,
        wide: impl Fn(TypeRef, &Datum) -> bool,
    ) -> Sample<'d> {
        let rows = columns.first().map_or(0, Vec::len);
        let ranks = types.iter().zip(&columns).map(|(ty, c)| ranks(*ty, c)).collect();
        let mut too_wide = vec![false; rows];
        for (ty, c) in types.iter().zip(&columns) {
            too_wide.iter_mut().zip(c).for_each(|(w, d)| *w |= wide(*ty, d));
        }
        Sample { types, columns, ranks, wide: too_wide, rows }
    }

    fn compare(&self, dimensions: &[usize], a: usize, b: usize) -> Ordering {
        let by = |d: &usize| self.ranks[*d][a].cmp(&self.ranks[*d][b]);
        dimensions.iter().map(by).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// The rows in the order of some dimensions.
    fn sorted(&self, dimensions: &[usize], with_wide: bool) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.rows).filter(|r| with_wide || !self.wide[*r]).collect();
        rows.sort_by(|a, b| self.compare(dimensions, *a, *b));
        rows
    }

    /// For every combination of two dimensions or more, how many different values a table of `total` rows has.
    pub fn distinct(&self, attributes: &[i16], total: f64) -> Vec<Distinct> {
        let mut out = Vec::new();
        for width in 2..=attributes.len() {
            for c in combinations(attributes.len(), width) {
                let sorted = self.sorted(&c, true);
                let groups = sorted.chunk_by(|a, b| self.compare(&c, *a, *b).is_eq());
                let (all, once) = groups.fold((0usize, 0usize), |n, g| (n.0 + 1, n.1 + usize::from(g.len() == 1)));
                out.push(Distinct {
                    attributes: c.iter().map(|i| attributes[*i]).collect(),
                    count: estimate(total, self.rows as f64, all as f64, once as f64),
                });
            }
        }
        out
    }

    /// For every dimension and every set of others, how far it follows from them.
    pub fn dependencies(&self, attributes: &[i16]) -> Vec<Dependency> {
        let mut out = Vec::new();
        for width in 2..=attributes.len() {
            for given in combinations(attributes.len(), width - 1) {
                for implied in (0..attributes.len()).filter(|i| !given.contains(i)) {
                    let degree = self.degree(&given, implied);
                    if degree > 0.0 {
                        let all = given.iter().chain([&implied]).map(|i| attributes[*i]).collect();
                        out.push(Dependency { attributes: all, degree });
                    }
                }
            }
        }
        out
    }

    /// The share of rows whose values of `given` come with one value of `implied` only.
    fn degree(&self, given: &[usize], implied: usize) -> f64 {
        let sorted = self.sorted(given, false);
        let same = |g: &&[usize]| g.iter().all(|r| self.ranks[implied][*r] == self.ranks[implied][g[0]]);
        let groups = sorted.chunk_by(|a, b| self.compare(given, *a, *b).is_eq());
        groups.filter(same).map(<[usize]>::len).sum::<usize>() as f64 / self.rows as f64
    }

    /// The most common combinations, `target` at most; none if nothing is common enough.
    pub fn mcv(&self, target: usize, total: f64) -> Option<McvList> {
        let all: Vec<usize> = (0..self.types.len()).collect();
        let sorted = self.sorted(&all, false);
        let groups = sorted.chunk_by(|a, b| self.compare(&all, *a, *b).is_eq());
        let mut groups: Vec<(usize, usize)> = groups.map(|g| (g[0], g.len())).collect();
        // How often each value of one dimension comes, over the groups.
        let mut single: Vec<Vec<usize>> = Vec::with_capacity(self.ranks.len());
        for ranks in &self.ranks {
            let mut counts = vec![0; ranks.iter().max().map_or(0, |m| *m as usize + 1)];
            groups.iter().for_each(|(row, n)| counts[ranks[*row] as usize] += n);
            single.push(counts);
        }
        partition_sort(&mut groups, &|a, b| b.1.cmp(&a.1));
        let least = least_count(self.rows as f64, total);
        let kept = groups.into_iter().take(target).take_while(|g| g.1 as f64 >= least);
        let n = self.rows as f64;
        let items: Vec<McvItem> = kept
            .map(|(row, count)| McvItem {
                values: self.columns.iter().map(|c| c[row].clone()).collect(),
                frequency: count as f64 / n,
                base_frequency: (self.ranks.iter().zip(&single))
                    .fold(1.0, |f, (ranks, counts)| f * (counts[ranks[row] as usize] as f64 / n)),
            })
            .collect();
        (!items.is_empty()).then(|| McvList { types: self.types.clone(), items })
    }
}

/// Each value's place among the different values.
fn ranks(ty: TypeRef, values: &[&Datum]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let compare = |a: &usize, b: &usize| cmp::compare(ty, ty.collation, values[*a], values[*b]);
    order.sort_by(compare);
    let mut out = vec![0; values.len()];
    for (rank, group) in (0..).zip(order.chunk_by(|a, b| compare(a, b).is_eq())) {
        group.iter().for_each(|i| out[*i] = rank);
    }
    out
}

/// All ways to choose `width` of `n` things, in order.
fn combinations(n: usize, width: usize) -> Vec<Vec<usize>> {
    let mut out = Vec::new();
    let mut at: Vec<usize> = (0..width).collect();
    if width == 0 || width > n {
        return out;
    }
    loop {
        out.push(at.clone());
        let Some(i) = (0..width).rev().find(|i| at[*i] < n - width + i) else { return out };
        at[i] += 1;
        for j in i + 1..width {
            at[j] = at[j - 1] + 1;
        }
    }
}

/// How many different values a table of `total` rows has if `n` sampled rows have `distinct`, of which `once` come once
/// (the estimator Duj1 of Haas and Stokes).
fn estimate(total: f64, n: f64, distinct: f64, once: f64) -> f64 {
    let guess = n * distinct / ((n - once) + once * n / total);
    (guess.max(distinct).min(total) + 0.5).floor()
}

/// How often a combination must come in a sample for its frequency to be known well: with the deviation that a
/// hypergeometric distribution has, no more than a fifth of it.
fn least_count(n: f64, total: f64) -> f64 {
    let denominator = total - n + 0.04 * n * (total - 1.0);
    if denominator == 0.0 { 0.0 } else { n * (total - n) / denominator }
}

/// The quicksort of Bentley and McIlroy, which says where equal elements end up: lists show combinations of equal
/// frequency in the order it leaves them in.
fn partition_sort<T>(mut v: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    loop {
        let n = v.len();
        if v.windows(2).all(|w| compare(&w[0], &w[1]).is_le()) {
            return;
        }
        if n < 7 {
            for end in 1..n {
                let mut at = end;
                while at > 0 && compare(&v[at - 1], &v[at]).is_gt() {
                    v.swap(at - 1, at);
                    at -= 1;
                }
            }
            return;
        }
        v.swap(0, pivot(v, compare));
        // Elements equal to the pivot gather at both ends, the smaller and the greater between them.
        let (mut low, mut next, mut last, mut high) = (1, 1, n - 1, n - 1);
        loop {
            while next <= last && compare(&v[next], &v[0]).is_le() {
                if compare(&v[next], &v[0]).is_eq() {
                    v.swap(low, next);
                    low += 1;
                }
                next += 1;
            }
            // The first element is the pivot, so that `last` stays above 0.
            while next <= last && compare(&v[last], &v[0]).is_ge() {
                if compare(&v[last], &v[0]).is_eq() {
                    v.swap(last, high);
                    high -= 1;
                }
                last -= 1;
            }
            if next > last {
                break;
            }
            v.swap(next, last);
            next += 1;
            last -= 1;
        }
        let (smaller, greater) = (next - low, high - last);
        swap_runs(v, 0, next - low.min(smaller), low.min(smaller));
        let tail = greater.min(n - 1 - high);
        swap_runs(v, next, n - tail, tail);
        let (left, rest) = v.split_at_mut(n - greater);
        let left = &mut left[..smaller];
        if smaller <= greater {
            partition_sort(left, compare);
            v = rest;
        } else {
            partition_sort(rest, compare);
            v = left;
        }
    }
}

fn swap_runs<T>(v: &mut [T], a: usize, b: usize, n: usize) {
    (0..n).for_each(|i| v.swap(a + i, b + i));
}

/// Where the element to divide by stands: in the middle, or the median of three, or of three medians.
fn pivot<T>(v: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let less = |a: usize, b: usize| compare(&v[a], &v[b]).is_lt();
    let median = |a: usize, b: usize, c: usize| match (less(a, b), less(b, c), less(a, c)) {
        (true, true, _) => b,
        (true, false, true) => c,
        (true, false, false) => a,
        (false, ..) if less(c, b) => b,
        (false, _, true) => a,
        (false, _, false) => c,
    };
    let n = v.len();
    let (mut first, mut middle, mut last) = (0, n / 2, n - 1);
    if n == 7 {
        return middle;
    }
    if n > 40 {
        let d = n / 8;
        first = median(first, first + d, first + 2 * d);
        middle = median(middle - d, middle, middle + d);
        last = median(last - 2 * d, last - d, last);
    }
    median(first, middle, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid;

    #[test]
    fn sorts() {
        for n in [0usize, 1, 6, 7, 8, 41, 200] {
            for step in [1, 3, 7, 11] {
                let mut v: Vec<usize> = (0..n).map(|i| i * step % 13).collect();
                let mut want = v.clone();
                want.sort_unstable();
                partition_sort(&mut v, &Ord::cmp);
                assert_eq!(v, want);
            }
        }
    }

    #[test]
    fn statistics_of_a_whole_table() {
        let a: Vec<Datum> = (0..1000).map(|i| Datum::Int4(i % 100)).collect();
        let b: Vec<Datum> = (0..1000).map(|i| Datum::Int4(i % 50)).collect();
        let columns = vec![a.iter().collect(), b.iter().collect()];
        let s = Sample::new(vec![TypeRef::new(oid::INT4); 2], columns, |_, _| false);
        assert_eq!(s.distinct(&[1, 2], 1000.0), [Distinct { attributes: vec![1, 2], count: 100.0 }]);
        assert_eq!(s.dependencies(&[1, 2]), [Dependency { attributes: vec![1, 2], degree: 1.0 }]);
        let list = s.mcv(100, 1000.0).expect("values are common");
        assert_eq!((list.items.len(), list.items[0].frequency, list.items[0].base_frequency), (100, 0.01, 0.01 * 0.02));
        assert_eq!(combinations(3, 2), [[0, 1], [0, 2], [1, 2]]);
    }
}
