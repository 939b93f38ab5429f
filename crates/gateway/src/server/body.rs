//! The body of an answer on its way through: metered, recorded and watched, never held back.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::exchange::{Charge, Exchange};
use super::{BoxError, GatewayBody};
use crate::ledger::Outcome;
use crate::observer::Complaint;

/// An answer that passes through.
pub(super) struct MeteredBody<B> {
    source: Pin<Box<B>>,
    exchange: Exchange,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    idle: Pin<Box<Sleep>>,
    patience: Duration,
    last_piece: Instant,
    ended: bool,
}

/// Why an answer broke off on our side.
#[derive(Debug, thiserror::Error)]
enum CutShort {
    #[error("the step has ended")]
    StepClosed,
    #[error("the provider fell silent in the middle of its answer")]
    Silence,
}

impl<B> MeteredBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// The body that passes `source` through for an exchange.
    pub(super) fn pass_through(
        source: B,
        exchange: Exchange,
        closing: WaitForCancellationFutureOwned,
        patience: Duration,
    ) -> GatewayBody {
        let body = Self {
            source: Box::pin(source),
            exchange,
            closing: Box::pin(closing),
            idle: Box::pin(tokio::time::sleep(patience)),
            patience,
            last_piece: Instant::now(),
            ended: false,
        };
        body.boxed_unsync()
    }

    /// Whether the source has been silent for too long. The timer runs on and is only set again when it fires, so that
    /// a piece costs no timer operation.
    fn is_silent(&mut self, context: &mut Context<'_>) -> bool {
        while self.idle.as_mut().poll(context).is_ready() {
            let deadline = self.last_piece + self.patience;
            if deadline <= Instant::now() {
                return true;
            }
            self.idle.as_mut().reset(deadline);
        }
        false
    }

    fn end(&mut self, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.ended = true;
        Poll::Ready(frame)
    }
}

impl<B> Body for MeteredBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if this.closing.as_mut().poll(context).is_ready() {
            this.exchange.finish(Outcome::StepClosed, Charge::Metered);
            return this.end(Some(Err(CutShort::StepClosed.into())));
        }
        loop {
            match this.source.as_mut().poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.last_piece = Instant::now();
                    // Trailers are of the hop; there are none in this API.
                    let Ok(piece) = frame.into_data() else { continue };
                    this.exchange.take(&piece);
                    // A body of known length is not asked for its end: what counts it knows that all has come.
                    if this.source.is_end_stream() {
                        this.exchange.end_of_answer();
                        this.ended = true;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                Poll::Ready(Some(Err(error))) => {
                    let error = error.into();
                    let reason = super::upstream::innermost(&*error);
                    this.exchange.cut(
                        Complaint::CutShort,
                        &format!("the provider's answer broke off: {reason}"),
                    );
                    return this.end(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    this.exchange.end_of_answer();
                    return this.end(None);
                }
                Poll::Pending if this.is_silent(context) => {
                    this.exchange.cut(Complaint::CutShort, &CutShort::Silence.to_string());
                    return this.end(Some(Err(CutShort::Silence.into())));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}
