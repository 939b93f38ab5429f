//! `codecourier serve`: the server, until a signal ends it.

use clap::Args;

use crate::config::Config;
use crate::config::given::Flags;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::watch::Output;

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address to listen on [default: 127.0.0.1:8717, or as configured]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// The address in people's browsers
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Any setting by name; `codecourier config explain` lists them
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Arguments {
    /// The settings that the command line names.
    pub(crate) fn flags(&self) -> Result<Flags, Problem> {
        let Self {
            listen,
            public_url,
            set,
        } = self;
        Ok(Flags::default()
            .with_sets(set)?
            .with("--listen", "server.listen", listen.clone())
            .with("--public-url", "server.public_url", public_url.clone()))
    }
}

/// Serves.
pub(crate) async fn serve(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments {
        listen: _,
        public_url: _,
        set: _,
    } = arguments;
    crate::serve::serve(config, output).await
}
