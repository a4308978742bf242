//! Conditions on actions, as expressions (CEL) that are compiled and tried once, when a `journey.toml` is read.

use std::sync::Arc;

use cel::{Context, Env, Program, Value};
use percorso_journey::Spec;

use super::facts::{Facts, Kind, known};
use super::{Case, Why};

/// The compiled rules of every action of a spec.
pub struct Rules {
    by_action: Vec<Vec<Compiled>>,
    env: Arc<Env>,
    /// Every word that a rule compares with.
    words: Vec<String>,
}

struct Compiled {
    name: String,
    program: Program,
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("action `{action}`, rule `{rule}`: {message}")]
pub struct RuleError {
    /// The action it is of.
    pub action: String,
    /// The rule's name.
    pub rule: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Rules {
    /// The rules of a spec's actions.
    ///
    /// Each is tried on made-up facts, so that one that compares a word with a number is found when it is read.
    ///
    /// # Errors
    /// - a rule is no expression, asks about something that is not known (names what is), or is neither true nor false
    pub fn compile(spec: &Spec) -> Result<Rules, RuleError> {
        let facts = known(spec);
        let env = Arc::new(Env::stdlib());
        let mut words = Vec::new();
        let mut by_action = Vec::with_capacity(spec.actions().len());
        for action in spec.actions() {
            let mut compiled = Vec::with_capacity(action.rules.len());
            for rule in &action.rules {
                let wrong = |message: String| RuleError {
                    action: action.name.clone(),
                    rule: rule.name.clone(),
                    message,
                };
                let program = Program::compile(&rule.when).map_err(|error| wrong(format!("no expression: {error}")))?;
                for variable in program.references().variables() {
                    if facts.iter().all(|(name, _)| name != variable) {
                        let names: Vec<&str> = facts.iter().map(|(name, _)| name.as_str()).collect();
                        let message = format!("nothing is named `{variable}`; there are {}", names.join(", "));
                        return Err(wrong(message));
                    }
                }
                match tried(&program, &facts, &env) {
                    Ok(Value::Bool(_)) => (),
                    Ok(other) => return Err(wrong(format!("expected true or false, it is {other:?}"))),
                    Err(error) => return Err(wrong(error.to_string())),
                }
                words.extend(quoted(&rule.when).map(str::to_owned));
                compiled.push(Compiled {
                    name: rule.name.clone(),
                    program,
                });
            }
            by_action.push(compiled);
        }
        Ok(Rules { by_action, env, words })
    }

    /// The first rule of an action that does not hold.
    pub(super) fn why_not(&self, case: &Case<'_>, action: u16) -> Option<Why> {
        let rules = &self.by_action[usize::from(action)];
        if rules.is_empty() {
            return None;
        }
        let facts = Facts {
            case,
            words: &self.words,
        };
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(&facts);
        rules.iter().find_map(|rule| match rule.program.execute(&context) {
            Ok(Value::Bool(true)) => None,
            Ok(Value::Bool(false)) => Some(Why::Rule(rule.name.clone())),
            // What is asked about is missing: what cannot be told does not hold.
            Ok(_) | Err(_) => Some(Why::Untold(rule.name.clone())),
        })
    }
}

/// The words between quotation marks.
fn quoted(expression: &str) -> impl Iterator<Item = &str> {
    let mut rest = expression;
    std::iter::from_fn(move || {
        let from = rest.find(['"', '\''])?;
        let mark = char::from(rest.as_bytes()[from]);
        let (word, after) = rest[from + 1..].split_once(mark)?;
        rest = after;
        Some(word)
    })
}

/// The program on facts of the right kinds.
fn tried(program: &Program, facts: &[(String, Kind)], env: &Arc<Env>) -> Result<Value, cel::ExecutionError> {
    let mut context = Context::with_env(Arc::clone(env));
    for (name, kind) in facts {
        let value = match kind {
            Kind::Number => Value::Float(0.5),
            Kind::Word => Value::from("word"),
            Kind::Flag => Value::Bool(true),
        };
        context.add_variable_from_value(name.as_str(), value);
    }
    program.execute(&context)
}

#[cfg(test)]
mod tests {
    use percorso_journey::text::SMALL_SPEC;

    use super::*;

    fn compiled(when: &str) -> Result<Rules, RuleError> {
        let action = format!(
            "{SMALL_SPEC}\n[[action]]\nname = \"call\"\nchannel = \"shop\"\nrules = [{{ name = \"the rule\", when = '{when}' }}]\n"
        );
        Rules::compile(&Spec::parse(&action).unwrap())
    }

    #[test]
    fn a_rule_that_cannot_be_used_is_told_when_it_is_read() {
        let message = |when: &str| compiled(when).err().unwrap().to_string();
        assert!(compiled(r#"stage == "purchase" && age >= 18 && region != "north""#).is_ok());
        let unknown = message("agee > 18");
        assert!(
            unknown.starts_with("action `call`, rule `the rule`: nothing is named `agee`; there are stage, "),
            "{unknown}"
        );
        assert!(message("age >").contains("no expression"), "{}", message("age >"));
        assert!(
            message("age + 1.0").contains("expected true or false"),
            "{}",
            message("age + 1.0")
        );
        assert!(
            message(r#"age > "old""#).contains("rule `the rule`"),
            "{}",
            message(r#"age > "old""#)
        );
    }

    #[test]
    fn words_are_those_between_marks() {
        let words: Vec<&str> = quoted(r#"a == "x" || b in ['y', "z z"]"#).collect();
        assert_eq!(words, ["x", "y", "z z"]);
    }
}
