//! Frames on the pair of sockets between a process and its worker: four bytes of length, then a message.
//!
//! Either side bounds what it reads by what the other may have to say, and knows that before it makes room. Nothing
//! that is read can make the reader recurse. Whoever breaks the form is not spoken to any more.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream as Blocking;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Bytes of the length.
const HEAD: usize = size_of::<u32>();

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// Why nobody can be spoken to any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The other side has closed its end.
    #[error("it closed the connection")]
    Closed,
    /// A message is longer than it may be.
    #[error("it sent a message of {length} bytes; {most} may be")]
    TooLong {
        /// Bytes that it announced.
        length: usize,
        /// The bound.
        most: usize,
    },
    /// What came is no message.
    #[error("it sent something that is no message")]
    Nonsense,
    /// The system says no.
    #[error("the connection broke: {0}")]
    Io(io::Error),
}

impl FrameError {
    /// Whether there is nobody at the other end any more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                Self::Closed
            }
            _ => Self::Io(error),
        }
    }
}

/// Puts a message behind what waits to be sent.
fn append(message: &impl Serialize, to: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = to.len();
    to.extend([0; HEAD]);
    postcard::to_io(message, &mut *to).map_err(|_| FrameError::Nonsense)?;
    let length = u32::try_from(to.len() - start - HEAD).map_err(|_| FrameError::Nonsense)?;
    to[start..start + HEAD].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// The message in `frame`, which is all of it.
fn read<T: DeserializeOwned>(frame: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Nonsense),
    }
}

fn length(head: [u8; HEAD], most: usize) -> Result<usize, FrameError> {
    let length = u32::from_be_bytes(head) as usize;
    if length > most { Err(FrameError::TooLong { length, most }) } else { Ok(length) }
}

/// Sends a message and waits until it is sent. For a socket that blocks.
///
/// # Errors
/// The other side is gone, or the message is too long for a frame.
pub(super) fn put(mut to: &Blocking, message: &impl Serialize) -> Result<(), FrameError> {
    let mut frame = Vec::new();
    append(message, &mut frame)?;
    Ok(to.write_all(&frame)?)
}

/// Waits for a message of at most `most` bytes. For a socket that blocks.
///
/// # Errors
/// See [`FrameError`].
pub(super) fn take<T: DeserializeOwned>(mut from: &Blocking, most: usize) -> Result<T, FrameError> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let mut frame = vec![0; length(head, most)?];
    from.read_exact(&mut frame)?;
    read(&frame)
}

/// A socket of which both directions move at once: nobody waits for a reader who waits for a reader.
pub(super) struct Frames {
    stream: UnixStream,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// Bytes of `outgoing` that are sent.
    sent: usize,
    /// Bytes of the longest message that is taken.
    most: usize,
}

impl Frames {
    /// Takes over a socket; messages that come have at most `most` bytes.
    pub(super) fn new(stream: Blocking, most: usize) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        Ok(Self { stream, incoming, outgoing, sent: 0, most })
    }

    /// Gives the socket back, when nothing of a message is left in between.
    pub(super) fn into_inner(self) -> Option<Blocking> {
        let whole = self.incoming.is_empty() && self.outgoing.is_empty();
        whole.then(|| self.stream.into_std().ok()).flatten()
    }

    /// Puts a message behind what waits to be sent. It leaves while somebody waits for [`Frames::next`].
    pub(super) fn send(&mut self, message: &impl Serialize) -> Result<(), FrameError> {
        append(message, &mut self.outgoing)
    }

    /// Waits for the next message, and sends meanwhile. Loses nothing when the future is dropped.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        loop {
            if let Some(message) = self.parse()? {
                return Ok(message);
            }
            self.progress().await?;
        }
    }

    /// Waits until everything is sent.
    pub(super) async fn flush(&mut self) -> Result<(), FrameError> {
        while !self.outgoing.is_empty() {
            self.progress().await?;
        }
        Ok(())
    }

    /// Takes the first message off what was read, when it is whole.
    fn parse<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some(head) = self.incoming.first_chunk::<HEAD>() else { return Ok(None) };
        let end = HEAD + length(*head, self.most)?;
        let Some(frame) = self.incoming.get(HEAD..end) else { return Ok(None) };
        let message = read(frame)?;
        self.incoming.drain(..end);
        Ok(Some(message))
    }

    /// Waits until the socket moves, and moves with it. What waits to be sent bounds what is read: who does not listen
    /// is not listened to.
    async fn progress(&mut self) -> Result<(), FrameError> {
        let interest = match self.outgoing.len() - self.sent {
            0 => Interest::READABLE,
            waiting if waiting > self.most => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        };
        let ready = self.stream.ready(interest).await?;
        if ready.is_writable() {
            match self.stream.try_write(&self.outgoing[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if self.sent == self.outgoing.len() {
                self.outgoing.clear();
                self.sent = 0;
            }
        }
        if ready.is_readable() && interest.is_readable() {
            self.incoming.reserve(CHUNK);
            match self.stream.try_read_buf(&mut self.incoming) {
                Ok(0) => return Err(FrameError::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
