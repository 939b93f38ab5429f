//! The five-byte envelope of Connect streams: `u8 flags, u32 big-endian length, payload`.
//!
//! The decoder is fed whatever arrived and yields whole frames. It never holds more than one frame's bound plus the last
//! chunk it was fed, and refuses a longer frame on its header, before any of the payload is kept.

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;

use crate::{ConnectError, EndStream};

const HEADER_BYTES: usize = 5;

/// The flag byte of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// A message.
    pub const MESSAGE: Self = Self(0);
    /// The payload is compressed (nobody we know sends it).
    pub const COMPRESSED: Self = Self(0x01);
    /// The payload is an [`EndStream`].
    pub const END_STREAM: Self = Self(0x02);

    /// Whether the payload is compressed.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        self.0 & Self::COMPRESSED.0 != 0
    }

    /// Whether this is the last frame.
    #[must_use]
    pub const fn is_end_stream(self) -> bool {
        self.0 & Self::END_STREAM.0 != 0
    }
}

/// One envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub flags: Flags,
    /// The payload as sent.
    pub payload: Bytes,
}

/// Why bytes are no envelope stream that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The header announces more than the decoder's bound.
    #[error("a frame of {announced} bytes exceeds the limit of {limit}")]
    FrameTooLong {
        /// Length in the header.
        announced: usize,
        /// The decoder's bound.
        limit: usize,
    },
    /// The payload is compressed, which no side asked for.
    #[error("compressed frames are not supported")]
    Compressed,
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame, after {0} bytes of it")]
    Truncated(usize),
}

/// Reads frames from chunks of any size.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    payload_limit: usize,
}

impl Decoder {
    /// A decoder that refuses payloads longer than `payload_limit`.
    #[must_use]
    pub fn new(payload_limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            payload_limit,
        }
    }

    /// Adds what arrived. Take the frames out before the next call to keep memory within the bound.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole frame, if it has arrived.
    ///
    /// # Errors
    /// When the next header is one we refuse; the stream cannot be read further.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Error> {
        let Some((header, _)) = self.buffer.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let [flags, length @ ..] = *header;
        let flags = Flags(flags);
        let announced = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if announced > self.payload_limit {
            return Err(Error::FrameTooLong {
                announced,
                limit: self.payload_limit,
            });
        }
        if flags.is_compressed() {
            return Err(Error::Compressed);
        }
        if self.buffer.len() - HEADER_BYTES < announced {
            // No reservation of what is announced: five hostile bytes must not cost a whole frame's memory.
            return Ok(None);
        }
        self.buffer.advance(HEADER_BYTES);
        Ok(Some(Frame {
            flags,
            payload: self.buffer.split_to(announced).freeze(),
        }))
    }

    /// To be called at the end of the input: nothing may be left over.
    ///
    /// # Errors
    /// When the input stopped inside a frame.
    pub fn finish(&self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(Error::Truncated(self.buffer.len()))
        }
    }
}

/// One envelope around a payload, which must be shorter than 4 GiB.
#[must_use]
pub fn encode(flags: Flags, payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEADER_BYTES + payload.len());
    frame.push(flags.0);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(payload);
    frame.into()
}

/// One envelope around a message's JSON, written in place (no second copy of the payload).
#[must_use]
pub fn encode_message<Message: Serialize>(message: &Message) -> Bytes {
    encode_json(Flags::MESSAGE, message)
}

/// The last envelope of a stream.
#[must_use]
pub fn encode_end(error: Option<ConnectError>) -> Bytes {
    encode_json(Flags::END_STREAM, &EndStream { error })
}

fn encode_json<Message: Serialize>(flags: Flags, message: &Message) -> Bytes {
    let mut frame = vec![flags.0, 0, 0, 0, 0];
    // Our messages have string keys and no fallible serializer: the only error would be a bug, told to the peer as an
    // empty payload, which it refuses.
    if serde_json::to_writer(&mut frame, message).is_err() {
        frame.truncate(HEADER_BYTES);
    }
    let length = u32::try_from(frame.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    if let Some(field) = frame.get_mut(1..HEADER_BYTES) {
        field.copy_from_slice(&length.to_be_bytes());
    }
    frame.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Code;

    fn frames() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
        let frame = (
            prop_oneof![Just(0u8), Just(2u8)],
            proptest::collection::vec(any::<u8>(), 0..300),
        );
        proptest::collection::vec(frame, 0..8)
    }

    proptest! {
        #[test]
        fn frames_survive_any_chunking(frames in frames(), cuts in proptest::collection::vec(1usize..40, 1..200)) {
            let wire: Vec<u8> = frames.iter().flat_map(|(flags, payload)| encode(Flags(*flags), payload)).collect();
            let mut decoder = Decoder::new(300);
            let mut read = Vec::new();
            let mut rest = wire.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                rest = after;
                decoder.push(chunk);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    read.push((frame.flags.0, frame.payload.to_vec()));
                }
            }
            prop_assert_eq!(read, frames);
            prop_assert_eq!(decoder.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_refused_within_the_bound(wire in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut decoder = Decoder::new(64);
            for chunk in wire.chunks(7) {
                decoder.push(chunk);
                loop {
                    match decoder.next_frame() {
                        Ok(Some(frame)) => prop_assert!(frame.payload.len() <= 64),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(decoder.buffer.len() < 64 + HEADER_BYTES + 7);
            }
        }
    }

    #[test]
    fn a_hostile_length_is_refused_before_any_payload() {
        let mut decoder = Decoder::new(1024);
        decoder.push(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(
            decoder.next_frame(),
            Err(Error::FrameTooLong {
                announced: 0xffff_ffff,
                limit: 1024
            })
        );
        assert!(decoder.buffer.capacity() < 1024);
    }

    #[test]
    fn compressed_and_truncated_streams_are_told_apart() {
        let mut decoder = Decoder::new(10);
        decoder.push(&[1, 0, 0, 0, 1, 9]);
        assert_eq!(decoder.next_frame(), Err(Error::Compressed));
        let mut decoder = Decoder::new(10);
        decoder.push(&[0, 0, 0, 0, 3, 9]);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.finish(), Err(Error::Truncated(6)));
    }

    #[test]
    fn the_end_frame_reads_as_the_protocol_says() {
        assert_eq!(encode_end(None).as_ref(), b"\x02\0\0\0\x02{}");
        let failed = encode_end(Some(ConnectError::new(Code::NotFound, "gone")));
        assert_eq!(&failed[5..], br#"{"error":{"code":"not_found","message":"gone"}}"#);
    }
}
