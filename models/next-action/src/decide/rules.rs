//! Conditions on actions, as expressions (CEL) that are compiled and tried once, when a `journey.toml` is read.

use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue};
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
                let check = Check {
                    facts: &facts,
                    context: made_up(&facts, &env),
                };
                match check.parts(program.expression(), &mut words).map_err(wrong)? {
                    Value::Bool(_) => (),
                    other => return Err(wrong(format!("expected true or false, it is {other:?}"))),
                }
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

/// Facts of the right kinds, to try rules on.
fn made_up(facts: &[(String, Kind)], env: &Arc<Env>) -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(env));
    for (name, kind) in facts {
        let value = match kind {
            Kind::Number => Value::Float(0.5),
            Kind::Word => Value::from("word"),
            Kind::Flag => Value::Bool(true),
        };
        context.add_variable_from_value(name.as_str(), value);
    }
    context
}

/// What a rule may be made of: comparisons, arithmetic, and, or, not, in, and choices.
const OPERATORS: [&str; 16] = [
    "_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_+_", "_-_", "_*_", "_/_", "-_", "@in",
    "_?_:_",
];

/// A rule on its way through every part of it, so that none is passed over because another decides.
struct Check<'a> {
    facts: &'a [(String, Kind)],
    context: Context<'static, 'static>,
}

impl Check<'_> {
    /// The value of an expression on made-up facts, each of its parts tried alone; gathers the words it compares with.
    fn parts(&self, expression: &IdedExpr, words: &mut Vec<String>) -> Result<Value, String> {
        match &expression.expr {
            Expr::Literal(LiteralValue::String(word)) => words.push(word.inner().to_owned()),
            Expr::Literal(_) | Expr::Ident(_) => (),
            Expr::List(list) => {
                for element in &list.elements {
                    self.parts(element, words)?;
                }
            }
            Expr::Call(call) if call.target.is_none() && OPERATORS.contains(&call.func_name.as_str()) => {
                if call.args.len() == 2 && call.args.iter().all(|of| self.is_word(of)) {
                    return Err("words of two attributes cannot be compared, only one with words in quotes".to_owned());
                }
                for argument in &call.args {
                    self.parts(argument, words)?;
                }
            }
            Expr::Call(call) => return Err(format!("`{}` is no part of a rule", call.func_name)),
            Expr::Unspecified | Expr::Comprehension(_) | Expr::Map(_) | Expr::Select(_) | Expr::Struct(_) => {
                return Err("a rule is made of comparisons, arithmetic, and, or, not, in".to_owned());
            }
        }
        self.context.resolve(expression).map_err(|error| error.to_string())
    }

    fn is_word(&self, expression: &IdedExpr) -> bool {
        matches!(&expression.expr, Expr::Ident(name) if self.facts.iter().any(|(of, kind)| of == name && *kind == Kind::Word))
    }
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
    fn every_part_of_a_rule_is_tried_also_what_another_part_decides() {
        let message = |when: &str| compiled(when).err().unwrap().to_string();
        assert!(message(r#"stage == "none of these" && age > "old""#).contains("rule `the rule`"));
        assert!(message(r#"region.startsWith("lom")"#).contains("`startsWith` is no part of a rule"));
        assert!(message("region == product").contains("words of two attributes"));
    }

    #[test]
    fn words_are_those_that_a_rule_compares_with() {
        let rules = compiled(r#"region == "north" || region in ["so\u0075th", "east"]"#).unwrap();
        assert_eq!(rules.words, ["north", "south", "east"]);
    }
}
