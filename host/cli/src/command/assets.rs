//! `cleargate assets`: values that outlive their runs.

use cleargate::{AssetDetails, AssetView};

use super::Context;
use super::runs::{cut, millis, time};
use crate::args::Assets;
use crate::failure::Failure;
use crate::output::{Talk, escaped, table};

/// Shown when no step has given one.
const NONE: &str = "no assets: a node with `asset:` gives one when its flow runs";

/// Characters of a value that are shown to a person; all of it is in the JSON.
const SHOWN: usize = 2_000;

pub async fn assets(context: &Context<'_>, verb: Assets) -> Result<u8, Failure> {
    let host = context.host().await?;
    let talk = context.talk;
    match verb {
        Assets::List { asset } => {
            let assets = host.assets(&asset).await?;
            talk.documents(&assets, || match assets.is_empty() {
                true if asset.is_empty() => NONE.into(),
                true => format!("no asset begins with `{asset}`: cleargate assets list"),
                false => list_text(&assets, talk),
            });
        }
        Assets::Show { asset, key } => {
            let details = host.asset(&asset, key.as_deref()).await?;
            talk.document(&details, || details_text(&details, talk));
        }
        Assets::Refresh { asset, key } => {
            let parts = host.refresh_asset(&asset, key.as_deref()).await?;
            talk.document(&parts, || {
                format!("{parts} part(s) of {asset}: the next run makes them again")
            });
        }
        Assets::Forget { asset, key } => {
            let parts = host.forget_asset(&asset, key.as_deref()).await?;
            talk.document(&parts, || format!("{parts} part(s) of {asset} forgotten"));
        }
    }
    Ok(0)
}

fn list_text(assets: &[AssetView], talk: &Talk) -> String {
    let rows: Vec<_> = assets
        .iter()
        .map(|view| {
            let (glyph, code) = match view.status {
                "fresh" => ("✓", "32"),
                "failed" | "unreadable" => ("✗", "31"),
                _ => ("…", "33"),
            };
            let why = view.error.as_ref().map(ToString::to_string);
            vec![
                escaped(&view.asset),
                escaped(view.key.as_deref().unwrap_or_default()),
                format!("{} {}", talk.paint_data(glyph, code), view.status),
                view.made_at.map(time).unwrap_or_default(),
                view.fresh_until.map(time).unwrap_or_default(),
                view.run.clone().unwrap_or_default(),
                cut(&escaped(&why.unwrap_or_else(|| view.why.join("; "))), 60),
            ]
        })
        .collect();
    table(&["ASSET", "KEY", "STATUS", "MADE", "FRESH UNTIL", "RUN", "WHY"], &rows)
}

fn details_text(details: &AssetDetails, talk: &Talk) -> String {
    let mut text = list_text(std::slice::from_ref(&details.view), talk);
    if let (Some(address), Some(took)) = (&details.address, details.took_ms) {
        text += &format!("\n\nmade by {address} in {}", millis(took as f64));
    }
    if !details.of.is_empty() {
        let rows: Vec<_> = (details.of.iter())
            .map(|(name, digest)| vec![format!("  {}", escaped(name)), cut(digest, 24)])
            .collect();
        text += &format!("\n\n{}", table(&["  MADE OF", ""], &rows));
    }
    if !details.before.is_empty() {
        let rows: Vec<_> = (details.before.iter())
            .map(|earlier| {
                let why = cut(&escaped(&earlier.why.join("; ")), 60);
                vec![format!("  {}", time(earlier.made_at)), earlier.run.clone(), why]
            })
            .collect();
        text += &format!("\n\n{}", table(&["  BEFORE", "RUN", "WHY"], &rows));
    }
    if let Some(value) = &details.value {
        text += &format!("\n\n{}", cut(&escaped(&value.to_json()), SHOWN));
    }
    text
}
