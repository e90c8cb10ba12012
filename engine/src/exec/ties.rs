//! Sorting as PostgreSQL does, so that rows with equal keys come out in the order its users know.
//!
//! SQL leaves the order of equal rows open, but it is what `rank()`, `first_value`, LIMIT and every listing without a complete
//! ORDER BY show, and people compare it. PostgreSQL's sort in memory is the quicksort of Bentley and McIlroy ("Engineering a
//! Sort Function", 1993) with a look first whether the input is in order already, and, where only the first rows are wanted,
//! a heap of them (Knuth volume 3, 5.2.3). Both always do the same with the same input, so doing as they do is enough.
//!
//! Left out: inputs that PostgreSQL would sort outside of memory, and incremental sorts.

use std::cmp::Ordering;

/// Slices shorter than this are sorted by insertion.
const SHORT: usize = 7;
/// In slices longer than this the pivot is the median of three medians.
const LONG: usize = 40;

/// The middle one of three places.
fn median<T>(v: &[T], cmp: &mut impl FnMut(&T, &T) -> Ordering, a: usize, b: usize, c: usize) -> usize {
    if cmp(&v[a], &v[b]).is_lt() {
        if cmp(&v[b], &v[c]).is_lt() {
            b
        } else if cmp(&v[a], &v[c]).is_lt() {
            c
        } else {
            a
        }
    } else if cmp(&v[b], &v[c]).is_gt() {
        b
    } else if cmp(&v[a], &v[c]).is_lt() {
        a
    } else {
        c
    }
}

/// Exchanges `n` elements from two places on; the stretches do not overlap.
fn exchange<T>(v: &mut [T], a: usize, b: usize, n: usize) {
    for i in 0..n {
        v.swap(a + i, b + i);
    }
}

/// Sorts.
pub fn sort<T>(v: &mut [T], cmp: &mut impl FnMut(&T, &T) -> Ordering) {
    let mut v = v;
    loop {
        let n = v.len();
        if n < SHORT {
            for i in 1..n {
                let mut j = i;
                while j > 0 && cmp(&v[j - 1], &v[j]).is_gt() {
                    v.swap(j, j - 1);
                    j -= 1;
                }
            }
            return;
        }
        if v.windows(2).all(|w| cmp(&w[0], &w[1]).is_le()) {
            return;
        }
        let mut pivot = n / 2;
        if n > SHORT {
            let (mut low, mut high) = (0, n - 1);
            if n > LONG {
                let d = n / 8;
                low = median(v, cmp, low, low + d, low + 2 * d);
                pivot = median(v, cmp, pivot - d, pivot, pivot + d);
                high = median(v, cmp, high - 2 * d, high - d, high);
            }
            pivot = median(v, cmp, low, pivot, high);
        }
        v.swap(0, pivot);
        // Equal elements gather at both ends: [equal | less | to do | greater | equal].
        let (mut a, mut b) = (1, 1);
        let (mut c, mut d) = (n - 1, n - 1);
        loop {
            while b <= c {
                let r = cmp(&v[b], &v[0]);
                if r.is_gt() {
                    break;
                }
                if r.is_eq() {
                    v.swap(a, b);
                    a += 1;
                }
                b += 1;
            }
            while b <= c {
                let r = cmp(&v[c], &v[0]);
                if r.is_lt() {
                    break;
                }
                if r.is_eq() {
                    v.swap(c, d);
                    d -= 1;
                }
                c -= 1;
            }
            if b > c {
                break;
            }
            v.swap(b, c);
            b += 1;
            c -= 1;
        }
        // The equal ones go to the middle.
        let (less, greater) = (b - a, d - c);
        let front = a.min(less);
        exchange(v, 0, b - front, front);
        let back = greater.min(n - d - 1);
        exchange(v, b, n - back, back);
        // The shorter side by recursion, so the stack stays low.
        let (left, rest) = v.split_at_mut(less);
        let right = rest.split_at_mut(n - greater - less).1;
        v = if less <= greater {
            sort(left, cmp);
            right
        } else {
            sort(right, cmp);
            left
        };
    }
}

/// Sorts and keeps the first `bound`, of which PostgreSQL keeps no more once it has seen twice as many rows.
pub fn top<T>(v: &mut Vec<T>, bound: usize, cmp: &mut impl FnMut(&T, &T) -> Ordering) {
    if bound == 0 || v.len() <= bound.saturating_mul(2) {
        sort(v, cmp);
        v.truncate(bound);
        return;
    }
    // The greatest one is at the top.
    let mut heap: Vec<T> = Vec::with_capacity(bound);
    for x in v.drain(..) {
        if heap.len() < bound {
            let mut at = heap.len();
            heap.push(x);
            while at > 0 {
                let up = (at - 1) / 2;
                if cmp(&heap[at], &heap[up]).is_le() {
                    break;
                }
                heap.swap(at, up);
                at = up;
            }
        } else if cmp(&x, &heap[0]).is_lt() {
            heap[0] = x;
            sink(&mut heap, cmp);
        }
    }
    while let Some(last) = heap.pop() {
        match heap.first_mut() {
            Some(first) => {
                v.push(std::mem::replace(first, last));
                sink(&mut heap, cmp);
            }
            None => v.push(last),
        }
    }
    v.reverse();
}

/// Brings the top of a heap to its place.
fn sink<T>(heap: &mut [T], cmp: &mut impl FnMut(&T, &T) -> Ordering) {
    let (n, mut at) = (heap.len(), 0);
    loop {
        let mut down = 2 * at + 1;
        if down >= n {
            return;
        }
        if down + 1 < n && cmp(&heap[down], &heap[down + 1]).is_lt() {
            down += 1;
        }
        if cmp(&heap[at], &heap[down]).is_ge() {
            return;
        }
        heap.swap(at, down);
        at = down;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys `i * 7919 % m` of `n` rows, as pairs with the row's number.
    fn rows(n: u64, m: u64) -> Vec<(u64, u64)> {
        (0..n).map(|i| (i * 7919 % 10007 % m, i)).collect()
    }

    fn by_key(a: &(u64, u64), b: &(u64, u64)) -> Ordering {
        a.0.cmp(&b.0)
    }

    #[test]
    fn everything_is_sorted_and_nothing_lost() {
        for n in [0, 1, 2, 6, 7, 8, 39, 41, 100, 5000] {
            for m in [1, 2, 10, 1000, 10007] {
                let (mut v, mut want) = (rows(n, m), rows(n, m));
                sort(&mut v, &mut by_key);
                assert!(v.is_sorted_by_key(|r| r.0), "{n} {m}");
                v.sort_unstable();
                want.sort_unstable();
                assert_eq!(v, want);
                for bound in [0, 1, 3, 60] {
                    let mut v = rows(n, m);
                    top(&mut v, bound, &mut by_key);
                    let keys: Vec<u64> = v.iter().map(|r| r.0).collect();
                    assert_eq!(keys, want.iter().map(|r| r.0).take(bound).collect::<Vec<_>>(), "{n} {m} {bound}");
                }
            }
        }
    }

    /// What PostgreSQL 15 answers to `SELECT i FROM generate_series(0, n - 1) i ORDER BY i * 7919 % 10007 % m [LIMIT k]`.
    #[test]
    fn equal_rows_come_as_from_postgresql() {
        let sorted = |n, m, limit| {
            let mut v = rows(n, m);
            match limit {
                Some(k) => top(&mut v, k, &mut by_key),
                None => sort(&mut v, &mut by_key),
            }
            v.iter().map(|r| r.1).collect::<Vec<_>>()
        };
        let want = [0, 10, 11, 12, 13, 14, 6, 7, 8, 9, 5, 16, 17, 18, 19, 1, 2, 3, 4, 15];
        assert_eq!(sorted(20, 3, None), want);
        assert_eq!(sorted(12, 2, None), [0, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 11]);
        let want = [
            16, 17, 18, 19, 34, 53, 38, 37, 36, 35, 57, 56, 55, 54, 0, 15, 14, 10, 11, 12, 13, 29, 30, 31, 32, 33, 48,
            49, 50, 51, 52, 46, 47, 5, 9, 8, 7, 6, 24, 25, 26, 27, 28, 44, 45, 59, 58, 4, 20, 39, 40, 41, 42, 43, 3, 2,
            21, 22, 23, 1,
        ];
        assert_eq!(sorted(60, 4, None), want);
        assert_eq!(sorted(60, 4, Some(5)), [16, 17, 0, 15, 18]);
        assert_eq!(sorted(60, 4, Some(12)), [36, 38, 17, 35, 37, 18, 0, 15, 16, 34, 19, 53]);
    }
}
