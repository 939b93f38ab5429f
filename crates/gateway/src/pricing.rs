//! What tokens cost: a dated list of public prices, and the arithmetic. Pure.
//!
//! The list is `prices.toml`, compiled in; an operator can replace it. Invariants: prices are whole nano-dollars per
//! token, so sums are exact; a part of a micro-dollar counts as a whole one, once per exchange; a model that is not in
//! the list costs as much as the dearest that is, and the [`Cost`] says so. Nothing is ever free by oversight.

use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;
use serde::{Deserialize, Serialize};

use crate::provider::Provider;

const BUILT_IN: &str = include_str!("prices.toml");

/// An amount, and how it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The amount, rounded up.
    pub amount: MicroUsd,
    /// Where the prices are from.
    pub basis: PriceBasis,
}

impl Cost {
    /// Nothing was used, so nothing is charged.
    pub const NOTHING: Self = Self {
        amount: MicroUsd::ZERO,
        basis: PriceBasis::List,
    };

    /// Whether the amount is what the provider charges: the model is in the list, or the provider stated the amount.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.basis != PriceBasis::Unknown
    }
}

/// Where a price is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    /// The price list.
    List,
    /// The provider's own word on what the answer cost, as OpenRouter gives it.
    Provider,
    /// The model, or the way it was used, is not in the list: priced like the dearest model that is.
    Unknown,
}

/// What is charged for beside tokens, and at which rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras {
    /// Searches that the provider ran by itself.
    pub web_searches: u64,
    /// True when the answer came from a faster service at a price that is not in the list.
    pub fast: bool,
}

/// The price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTable {
    as_of: String,
    anthropic: Vec<Entry>,
    openai: Vec<Entry>,
}

/// Text that is no price list.
#[derive(Debug, thiserror::Error)]
pub enum PriceTableInvalid {
    /// Not TOML of the expected shape.
    #[error("the price list cannot be read")]
    Parse(#[source] toml::de::Error),
    /// A number that is no price.
    #[error("`{0}` is not a price in dollars with at most three decimals")]
    Amount(String),
    /// No model of a provider is listed.
    #[error("the price list names no model")]
    Empty,
}

impl PriceTable {
    /// The list that is compiled in.
    ///
    /// # Errors
    /// Never with a list that passed its tests.
    pub fn built_in() -> Result<Self, PriceTableInvalid> {
        Self::parse(BUILT_IN)
    }

    /// A list of one's own, for self-hosted models or other contracts.
    ///
    /// # Errors
    /// When the text is not of the shape of `prices.toml`.
    pub fn parse(text: &str) -> Result<Self, PriceTableInvalid> {
        let document: Document = toml::from_str(text).map_err(PriceTableInvalid::Parse)?;
        let entries = |documents: Vec<EntryDocument>| {
            let entries: Result<Vec<_>, _> = documents.into_iter().map(Entry::from_document).collect();
            entries
        };
        let anthropic = entries(document.anthropic)?;
        if anthropic.is_empty() {
            return Err(PriceTableInvalid::Empty);
        }
        Ok(Self {
            as_of: document.as_of,
            anthropic,
            openai: entries(document.openai)?,
        })
    }

    /// The day the prices were looked up.
    #[must_use]
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// What these tokens cost.
    #[must_use]
    pub fn cost(&self, provider: Provider, model: &str, tokens: &Tokens, extras: Extras) -> Cost {
        if tokens.is_empty() && extras.web_searches == 0 {
            return Cost::NOTHING;
        }
        let model = model.to_ascii_lowercase();
        match self.entry(provider, &model) {
            Some(entry) if !extras.fast => Cost {
                amount: entry.rates_for(tokens).charge(tokens, extras),
                basis: PriceBasis::List,
            },
            _ => Cost {
                amount: self.dearest(provider).charge(tokens, extras),
                basis: PriceBasis::Unknown,
            },
        }
    }

    /// The models of a provider that are listed, in the list's order. OpenRouter's own has none: it states what an answer
    /// cost.
    #[must_use]
    pub fn models(&self, provider: Provider) -> Vec<&str> {
        let entries = match provider {
            Provider::Anthropic => self.anthropic.as_slice(),
            Provider::Openai => self.openai.as_slice(),
            Provider::Openrouter => &[],
        };
        let names = entries.iter().flat_map(|entry| &entry.families);
        names.map(String::as_str).collect()
    }

    fn entry(&self, provider: Provider, model: &str) -> Option<&Entry> {
        match provider {
            Provider::Anthropic => longest_match(&self.anthropic, model, is_of_family_of_anthropic),
            Provider::Openai => longest_match(&self.openai, model, is_of_family_of_openai),
            // `anthropic/claude-sonnet-4.5:thinking`, `openai/gpt-5.5`: the prices of the provider behind it.
            Provider::Openrouter => match model.split_once('/')? {
                ("anthropic", name) => self.entry(Provider::Anthropic, &name.replace('.', "-")),
                ("openai", name) => self.entry(Provider::Openai, name),
                _ => None,
            },
        }
    }

    /// What a model that nobody knows costs.
    fn dearest(&self, provider: Provider) -> Rates {
        match provider {
            Provider::Anthropic => dearest(&self.anthropic),
            // A list of one's own may name no model of theirs.
            Provider::Openai if !self.openai.is_empty() => dearest(&self.openai),
            Provider::Openai | Provider::Openrouter => dearest(self.anthropic.iter().chain(&self.openai)),
        }
    }
}

/// Nano-dollars per token (and per search): dollars per million tokens times a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Rates {
    input: u64,
    output: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    cache_read: u64,
    web_search: u64,
}

impl Rates {
    fn charge(&self, tokens: &Tokens, extras: Extras) -> MicroUsd {
        let nano_dollars: u128 = [
            (tokens.input, self.input),
            (tokens.output, self.output),
            (tokens.cache_write_5m, self.cache_write_5m),
            (tokens.cache_write_1h, self.cache_write_1h),
            (tokens.cache_read, self.cache_read),
            (extras.web_searches, self.web_search),
        ]
        .into_iter()
        .map(|(count, rate)| u128::from(count) * u128::from(rate))
        .sum();
        MicroUsd(i64::try_from(nano_dollars.div_ceil(1000)).unwrap_or(i64::MAX))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    families: Vec<String>,
    /// No measure for models that nobody knows.
    is_rare: bool,
    rates: Rates,
    long_prompt: Option<(u64, Rates)>,
}

impl Entry {
    fn from_document(document: EntryDocument) -> Result<Self, PriceTableInvalid> {
        let web_search = nano_dollars(&document.web_search, 1_000_000_000)?;
        let long_prompt = document
            .long_prompt
            .map(|long| Ok::<_, PriceTableInvalid>((long.above_tokens, long.rates.per_token(web_search)?)))
            .transpose()?;
        Ok(Self {
            families: document.families,
            is_rare: document.rare,
            rates: document.rates.per_token(web_search)?,
            long_prompt,
        })
    }

    /// The whole request is charged at the dearer rates when its input, cached or not, passes the line.
    fn rates_for(&self, tokens: &Tokens) -> &Rates {
        let input = Tokens { output: 0, ..*tokens }.total();
        match &self.long_prompt {
            Some((above, rates)) if input > *above => rates,
            _ => &self.rates,
        }
    }
}

/// The entry with the longest family that the model is of.
fn longest_match<'table>(
    entries: &'table [Entry],
    model: &str,
    is_of_family: fn(&str, &str) -> bool,
) -> Option<&'table Entry> {
    entries
        .iter()
        .flat_map(|entry| entry.families.iter().map(move |family| (family, entry)))
        .filter(|(family, _)| is_of_family(model, family))
        .max_by_key(|(family, _)| family.len())
        .map(|(_, entry)| entry)
}

/// `claude-opus-4` is the family of `claude-opus-4-20250514`, but not of `claude-opus-4-9`, whose price nobody knows.
/// Names that other platforms decorate (`us.anthropic.claude-…`, `claude-…@20250929`, `claude-…[1m]`) are undressed first.
fn is_of_family_of_anthropic(model: &str, family: &str) -> bool {
    let start = model.find("claude-").unwrap_or(0);
    let Some(rest) = model[start..].strip_prefix(family) else {
        return false;
    };
    let Some(suffix) = rest.strip_prefix('-') else {
        return rest.is_empty() || rest.starts_with(['@', '[', ':']);
    };
    // Eight digits are a date; fewer are the next version.
    let is_version = suffix.starts_with(|first: char| first.is_ascii_digit())
        && suffix.chars().take_while(char::is_ascii_digit).count() < 8;
    !is_version
}

/// `gpt-5.5` is the family of `gpt-5.5-2026-04-01`, but not of `gpt-5.5-pro`: there a word after the name is another
/// model.
fn is_of_family_of_openai(model: &str, family: &str) -> bool {
    let Some(rest) = model.strip_prefix(family) else {
        return false;
    };
    let is_date = |suffix: &str| {
        suffix.split('-').map(str::len).eq([4, 2, 2])
            && suffix.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    rest.is_empty()
        || rest.starts_with([':', '@'])
        || rest
            .strip_prefix('-')
            .is_some_and(|suffix| suffix == "latest" || is_date(suffix))
}

fn dearest<'table>(entries: impl IntoIterator<Item = &'table Entry>) -> Rates {
    entries
        .into_iter()
        .filter(|entry| !entry.is_rare)
        .flat_map(|entry| std::iter::once(&entry.rates).chain(entry.long_prompt.as_ref().map(|(_, rates)| rates)))
        .fold(Rates::default(), |most, rates| Rates {
            input: most.input.max(rates.input),
            output: most.output.max(rates.output),
            cache_write_5m: most.cache_write_5m.max(rates.cache_write_5m),
            cache_write_1h: most.cache_write_1h.max(rates.cache_write_1h),
            cache_read: most.cache_read.max(rates.cache_read),
            web_search: most.web_search.max(rates.web_search),
        })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    as_of: String,
    anthropic: Vec<EntryDocument>,
    #[serde(default)]
    openai: Vec<EntryDocument>,
}

#[derive(Deserialize)]
struct EntryDocument {
    families: Vec<String>,
    #[serde(default)]
    rare: bool,
    web_search: String,
    long_prompt: Option<LongPromptDocument>,
    #[serde(flatten)]
    rates: RatesDocument,
}

#[derive(Deserialize)]
struct LongPromptDocument {
    above_tokens: u64,
    #[serde(flatten)]
    rates: RatesDocument,
}

#[derive(Deserialize)]
struct RatesDocument {
    input: String,
    output: String,
    cache_write_5m: String,
    cache_write_1h: String,
    cache_read: String,
}

impl RatesDocument {
    fn per_token(&self, web_search: u64) -> Result<Rates, PriceTableInvalid> {
        // Dollars per million tokens times 1,000 are nano-dollars per token.
        let per_token = |amount: &str| nano_dollars(amount, 1000);
        Ok(Rates {
            input: per_token(&self.input)?,
            output: per_token(&self.output)?,
            cache_write_5m: per_token(&self.cache_write_5m)?,
            cache_write_1h: per_token(&self.cache_write_1h)?,
            cache_read: per_token(&self.cache_read)?,
            web_search,
        })
    }
}

/// Reads `0.125` without a float in between: at most three decimals, scaled so that one dollar is `unit`.
fn nano_dollars(amount: &str, unit: u64) -> Result<u64, PriceTableInvalid> {
    let invalid = || PriceTableInvalid::Amount(amount.to_owned());
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || decimals.len() > 3 || !is_number(whole) || !is_number(decimals) {
        return Err(invalid());
    }
    let thousandths: u64 = format!("{whole}{decimals:0<3}").parse().map_err(|_| invalid())?;
    Ok(thousandths * (unit / 1000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(model: &str, tokens: Tokens) -> Cost {
        PriceTable::built_in()
            .unwrap()
            .cost(Provider::Anthropic, model, &tokens, Extras::default())
    }

    fn price_of_a_million(model: &str) -> [i64; 5] {
        let million = 1_000_000;
        [
            Tokens {
                input: million,
                ..Tokens::default()
            },
            Tokens {
                output: million,
                ..Tokens::default()
            },
            Tokens {
                cache_write_5m: million,
                ..Tokens::default()
            },
            Tokens {
                cache_write_1h: million,
                ..Tokens::default()
            },
            Tokens {
                cache_read: million,
                ..Tokens::default()
            },
        ]
        .map(|tokens| cost(model, tokens).amount.0)
    }

    #[test]
    fn a_million_tokens_cost_the_list_price() {
        assert_eq!(
            price_of_a_million("claude-sonnet-4-5-20250929"),
            [3_000_000, 15_000_000, 3_750_000, 6_000_000, 300_000]
        );
        assert_eq!(
            price_of_a_million("claude-opus-5-5"),
            [4_000_000, 20_000_000, 5_000_000, 8_000_000, 200_000]
        );
        assert_eq!(price_of_a_million("claude-opus-4-1-20250805")[0], 15_000_000);
        assert_eq!(price_of_a_million("claude-opus-4-20250514")[0], 15_000_000);
        assert_eq!(price_of_a_million("claude-opus-4-5")[0], 5_000_000);
    }

    #[test]
    fn a_mixed_request_is_exact_and_rounded_up_once() {
        // The real CLI's own count of a two-call run: 1690 input, 400 cached, 100 output on Opus 5.5 are $0.00884.
        let tokens = Tokens {
            input: 1690,
            output: 100,
            cache_read: 400,
            ..Tokens::default()
        };
        assert_eq!(cost("claude-opus-5-5", tokens).amount, MicroUsd(8_840));
        // One cached token of the cheapest model is a hundredth of a micro-dollar, and still not free.
        let one = Tokens {
            cache_read: 1,
            ..Tokens::default()
        };
        assert_eq!(cost("claude-haiku-5-5", one).amount, MicroUsd(1));
        assert_eq!(cost("claude-haiku-5-5", Tokens::default()), Cost::NOTHING);
    }

    #[test]
    fn an_unknown_model_costs_like_the_dearest_and_says_so() {
        let tokens = Tokens {
            input: 1_000_000,
            ..Tokens::default()
        };
        for model in ["claude-opus-9", "claude-opus-4-9", "gpt-9", "", "claude-sonnet-4-50"] {
            let unknown = cost(model, tokens);
            assert_eq!(
                (unknown.amount, unknown.is_known()),
                (MicroUsd(15_000_000), false),
                "{model}"
            );
        }
        let fast = PriceTable::built_in().unwrap().cost(
            Provider::Anthropic,
            "claude-opus-4-6",
            &tokens,
            Extras {
                fast: true,
                web_searches: 0,
            },
        );
        assert!(!fast.is_known());
    }

    #[test]
    fn decorated_names_are_recognised() {
        for model in [
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4-5@20250929",
            "claude-sonnet-4-5[1m]",
            "anthropic/claude-sonnet-4-5",
            "Claude-Sonnet-4-5-latest",
        ] {
            let priced = cost(
                model,
                Tokens {
                    input: 1_000_000,
                    ..Tokens::default()
                },
            );
            assert_eq!(
                (priced.amount, priced.is_known()),
                (MicroUsd(3_000_000), true),
                "{model}"
            );
        }
    }

    #[test]
    fn openais_and_openrouters_models_have_their_prices() {
        let table = PriceTable::built_in().unwrap();
        let million = Tokens {
            output: 1_000_000,
            ..Tokens::default()
        };
        let price = |provider, model: &str| {
            let cost = table.cost(provider, model, &million, Extras::default());
            (cost.amount.0, cost.is_known())
        };
        for (model, expected) in [
            ("gpt-5.5", 30_000_000),
            ("gpt-5.5-2026-04-01", 30_000_000),
            ("gpt-5.5-pro", 180_000_000),
            ("gpt-6.2-sol", 10_000_000),
            ("gpt-5-codex-latest", 10_000_000),
            ("o4-mini", 4_400_000),
        ] {
            assert_eq!(price(Provider::Openai, model), (expected, true), "{model}");
        }
        // Like the dearest with a long prompt, rare ones left out.
        for model in ["gpt-5.5-turbo", "gpt-9", "llama-of-our-own"] {
            assert_eq!(price(Provider::Openai, model), (75_000_000, false), "{model}");
        }
        assert_eq!(
            price(Provider::Openrouter, "anthropic/claude-sonnet-4.5:thinking"),
            (15_000_000, true)
        );
        assert_eq!(price(Provider::Openrouter, "openai/gpt-5.5"), (30_000_000, true));
        assert!(!price(Provider::Openrouter, "qwen/qwen-9").1);
        let cached = Tokens {
            input: 10,
            cache_read: 1000,
            cache_write_5m: 100,
            ..Tokens::default()
        };
        // 10 x 2 + 1000 x 0.1 + 100 x 2.5 micro-dollars.
        let cost = table.cost(Provider::Openai, "gpt-6.2-sol", &cached, Extras::default());
        assert_eq!(cost.amount, MicroUsd(370));
    }

    #[test]
    fn a_long_prompt_is_charged_at_the_dearer_rates_as_a_whole() {
        let short = Tokens {
            input: 60_000,
            cache_read: 40_000,
            ..Tokens::default()
        };
        assert_eq!(cost("claude-haiku-5-5", short).amount, MicroUsd(6_400));
        let long = Tokens {
            cache_read: 40_001,
            ..short
        };
        assert_eq!(cost("claude-haiku-5-5", long).amount, MicroUsd(32_001));
    }

    #[test]
    fn a_search_has_its_price() {
        let table = PriceTable::built_in().unwrap();
        let extras = Extras {
            web_searches: 3,
            fast: false,
        };
        let searched = table.cost(Provider::Anthropic, "claude-sonnet-4-5", &Tokens::default(), extras);
        assert_eq!(searched.amount, MicroUsd(30_000));
    }

    #[test]
    fn the_list_is_dated_and_bad_lists_are_refused() {
        assert_eq!(PriceTable::built_in().unwrap().as_of(), "2026-11-01");
        assert!(PriceTable::parse("as_of = \"2026-11-01\"\nanthropic = []").is_err());
        assert!(PriceTable::parse("prices = 3").is_err());
        for amount in ["", "-1", "1.2345", "1e3", ".5", "1,5", "9999999999"] {
            assert!(nano_dollars(amount, 1000).is_err(), "{amount:?} was taken for a price");
        }
    }

    proptest! {
        #[test]
        fn no_count_overflows_and_more_tokens_never_cost_less(
            input: u64, output: u64, cache_read: u64, cache_write_5m: u64, cache_write_1h: u64, model in "[a-z0-9-]{0,30}",
        ) {
            let tokens = Tokens { input, output, cache_read, cache_write_5m, cache_write_1h };
            let less = Tokens { output: output / 2, ..tokens };
            prop_assert!(cost(&model, less).amount <= cost(&model, tokens).amount);
            prop_assert!(tokens.is_empty() || cost(&model, tokens).amount > MicroUsd::ZERO);
        }
    }
}
