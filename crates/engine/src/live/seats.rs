//! How many connections one caller may hold at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::actor::Actor;
use parking_lot::Mutex;

use crate::error::{Error, ErrorCode};

/// Connections of one person or key: tabs and scripts of everyday use, and no flood.
const SEATS: usize = 128;

/// Who is connected how often.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Arc<Mutex<HashMap<Actor, usize>>>,
}

/// One connection. It ends with it.
#[derive(Debug)]
pub(super) struct Seat {
    of: Actor,
    taken: Arc<Mutex<HashMap<Actor, usize>>>,
}

impl Seats {
    pub(super) fn take(&self, of: Actor) -> Result<Seat, Error> {
        let mut taken = self.taken.lock();
        let count = taken.entry(of).or_default();
        if *count >= SEATS {
            let message = format!("There are {SEATS} live connections of this caller. Close some of them first.");
            return Err(Error::new(ErrorCode::RateLimited, message).after(Duration::from_secs(10)));
        }
        *count += 1;
        drop(taken);
        Ok(Seat {
            of,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.taken.lock().entry(self.of) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_so_many_seats_and_gets_them_back() {
        let seats = Seats::default();
        let mut held: Vec<Seat> = (0..SEATS).map(|_| seats.take(Actor::Operator).unwrap()).collect();
        assert_eq!(seats.take(Actor::Operator).unwrap_err().code, ErrorCode::RateLimited);
        assert!(
            seats.take(Actor::System).is_ok(),
            "another caller's seats are their own"
        );
        held.pop();
        held.push(seats.take(Actor::Operator).unwrap());
        drop(held);
        assert!(seats.taken.lock().is_empty());
    }
}
