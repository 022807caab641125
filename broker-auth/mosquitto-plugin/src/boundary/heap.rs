//! [`Heap`]: where the memory of a plugin comes from.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

use dlmalloc::GlobalDlmalloc;

/// From this length on, in bytes, a piece comes from the C library, which takes it from the system and gives it back.
const LARGE: usize = 64 * 1024;

/// A heap of the plugin's own, but for large pieces.
///
/// What is remembered of sessions is small and stays for long: in mosquitto's heap it would stand between what mosquitto
/// frees, and mosquitto would search among the holes for each message. Large pieces are those of lists that are being read:
/// dlmalloc would keep them when they are freed.
#[derive(Debug)]
pub struct Heap;

fn is_large(size: usize) -> bool {
    size >= LARGE
}

// Each piece goes back to where its layout says that it came from: `realloc` keeps to that, too.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_large(layout.size()) {
            unsafe { System.alloc(layout) }
        } else {
            unsafe { GlobalDlmalloc.alloc(layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_large(layout.size()) {
            unsafe { System.alloc_zeroed(layout) }
        } else {
            unsafe { GlobalDlmalloc.alloc_zeroed(layout) }
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if is_large(layout.size()) {
            unsafe { System.dealloc(piece, layout) }
        } else {
            unsafe { GlobalDlmalloc.dealloc(piece, layout) }
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match (is_large(layout.size()), is_large(size)) {
            (true, true) => unsafe { System.realloc(piece, layout, size) },
            (false, false) => unsafe { GlobalDlmalloc.realloc(piece, layout, size) },
            _ => {
                // The caller has made sure that the new size fits the alignment.
                let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
                if !moved.is_null() {
                    unsafe { ptr::copy_nonoverlapping(piece, moved, layout.size().min(size)) };
                    unsafe { self.dealloc(piece, layout) };
                }
                moved
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize, seed: u8) -> impl Iterator<Item = u8> {
        (0..len).map(move |index| (index as u8).wrapping_mul(31).wrapping_add(seed))
    }

    #[test]
    fn a_piece_keeps_its_content_and_alignment_whichever_way_it_grows() {
        let sizes = [1, 7, 4096, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE, 1 << 20];
        for align in [1, 8, 16, 64, 4096] {
            for from in sizes {
                for to in sizes {
                    let layout = Layout::from_size_align(from, align).expect("it is a layout");
                    let piece = unsafe { Heap.alloc(layout) };
                    assert!(!piece.is_null() && piece.addr().is_multiple_of(align));
                    for (index, octet) in filled(from, 5).enumerate() {
                        unsafe { piece.add(index).write(octet) };
                    }
                    // Others come and go meanwhile.
                    let other = unsafe { Heap.alloc_zeroed(layout) };
                    let moved = unsafe { Heap.realloc(piece, layout, to) };
                    assert!(!moved.is_null() && moved.addr().is_multiple_of(align));
                    let kept = unsafe { std::slice::from_raw_parts(moved, from.min(to)) };
                    assert!(kept.iter().copied().eq(filled(from.min(to), 5)), "{from} to {to} by {align}");
                    let zeros = unsafe { std::slice::from_raw_parts(other, from) };
                    assert!(zeros.iter().all(|octet| *octet == 0), "{from} by {align}");
                    unsafe { Heap.dealloc(other, layout) };
                    let layout = Layout::from_size_align(to, align).expect("it is a layout");
                    unsafe { Heap.dealloc(moved, layout) };
                }
            }
        }
    }
}
