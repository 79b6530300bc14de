//! Frames on a stream of bytes: a length of four bytes, the greatest first, then as many bytes.

use super::wire::CLIENT_FRAME;

/// Cuts what arrives into frames. Holds at most one frame and what came with its end.
#[derive(Debug, Default)]
pub struct FrameReader {
    bytes: Vec<u8>,
    /// Bytes that were taken.
    start: usize,
}

/// A length that no frame of a client may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

const HEAD: usize = 4;

impl FrameReader {
    /// Adds bytes that arrived.
    pub fn add(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next whole frame, or `None` when more bytes must come.
    ///
    /// # Errors
    ///
    /// [`TooLong`] as soon as the length has arrived.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let rest = &self.bytes[self.start..];
        let Some((head, body)) = rest.split_first_chunk::<HEAD>() else { return Ok(None) };
        let length = u32::from_be_bytes(*head) as usize;
        if length > CLIENT_FRAME {
            return Err(TooLong);
        }
        let Some(frame) = body.get(..length) else { return Ok(None) };
        let frame = frame.to_vec();
        self.start += HEAD + length;
        Ok(Some(frame))
    }

    /// Returns the bytes that wait for the rest of their frame.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }
}

/// Puts a frame behind others.
pub(crate) fn frame_to(out: &mut Vec<u8>, json: &[u8]) {
    let length = u32::try_from(json.len()).expect("frames are bound");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(json);
}
