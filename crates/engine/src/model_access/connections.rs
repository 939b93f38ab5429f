//! Connections past the gateway, as events of their step.

use async_trait::async_trait;

use codecourier_domain::event::Event;
use codecourier_gateway::{Connection, ConnectionLog, EgressScope, NotRecorded};
use codecourier_store::Error as StoreError;
use codecourier_store::events::EventAppend;

use super::ModelAccess;
use crate::runs::live::Notice;
use crate::runs::new_event;

#[async_trait]
impl ConnectionLog for ModelAccess {
    async fn record(&self, scope: &EgressScope, connection: Connection) -> Result<(), NotRecorded> {
        let failed = |error: StoreError| NotRecorded(Box::new(error));
        let Connection { host, port, outcome } = connection;
        metrics::counter!("codecourier_egress_connections_total", "outcome" => outcome.as_str()).increment(1);
        let event = Event::Egress { host, port, outcome };
        let append = EventAppend {
            project: scope.project,
            run: scope.run,
            step: Some(scope.step),
            cursor: None,
            events: vec![new_event(&event, self.clock.now()).map_err(failed)?],
        };
        let written = self.store.write(move |tx| {
            Box::pin(async move {
                tx.append_events(append).await?;
                Ok(())
            })
        });
        written.await.map_err(failed)?;
        self.live.tell(scope.run, Notice::EventsStored);
        Ok(())
    }
}
