#include <algorithm>
#include <stdexcept>
#include <utility>

#include "agent/scheduler/query_node.h"

namespace agent::scheduler {

using shared::Error;
using shared::Result;

namespace {

using Node = Query::Node;
using NodePointer = std::shared_ptr<const Node>;

// What a subject may be asked, besides == and !=.
enum Ability : unsigned { kOrder = 1, kSet = 2, kRegex = 4, kExistence = 8 };

struct SubjectRow {
  std::string_view name;
  Subject subject;
  unsigned abilities;
};
constexpr SubjectRow kSubjects[] = {
    {"agentConnected", Subject::kAgentConnected, kSet | kRegex},
    {"agentVersion", Subject::kAgentVersion, kOrder},
    {"ec2InstanceId", Subject::kInstanceId, kSet | kRegex},
    {"registeredAt", Subject::kRegisteredAt, kOrder},
    {"runningTasksCount", Subject::kRunningTasks, kOrder},
    {"task:group", Subject::kTaskGroup, kSet | kRegex},
};

struct OperatorRow {
  std::string_view word;
  Kind kind;
  bool negated;
  Comparison comparison;
};
constexpr OperatorRow kOperators[] = {
    {"==", Kind::kCompare, false, Comparison::kEqual},
    {"equals", Kind::kCompare, false, Comparison::kEqual},
    {"!=", Kind::kCompare, false, Comparison::kNotEqual},
    {"not_equals", Kind::kCompare, false, Comparison::kNotEqual},
    {">", Kind::kCompare, false, Comparison::kGreater},
    {"greater_than", Kind::kCompare, false, Comparison::kGreater},
    {">=", Kind::kCompare, false, Comparison::kGreaterEqual},
    {"greater_than_equal", Kind::kCompare, false, Comparison::kGreaterEqual},
    {"<", Kind::kCompare, false, Comparison::kLess},
    {"less_than", Kind::kCompare, false, Comparison::kLess},
    {"<=", Kind::kCompare, false, Comparison::kLessEqual},
    {"less_than_equal", Kind::kCompare, false, Comparison::kLessEqual},
    {"=~", Kind::kMatch, false, Comparison::kEqual},
    {"matches", Kind::kMatch, false, Comparison::kEqual},
    {"!~", Kind::kMatch, true, Comparison::kEqual},
    {"not_matches", Kind::kMatch, true, Comparison::kEqual},
    {"in", Kind::kIn, false, Comparison::kEqual},
    {"!in", Kind::kIn, true, Comparison::kEqual},
    {"not_in", Kind::kIn, true, Comparison::kEqual},
    {"exists", Kind::kExists, false, Comparison::kEqual},
    {"!exists", Kind::kExists, true, Comparison::kEqual},
    {"not_exists", Kind::kExists, true, Comparison::kEqual},
};

enum class TokenType { kWord, kQuoted, kOperator, kOpen, kClose, kListOpen, kListClose, kComma, kEnd };
struct Token {
  TokenType type = TokenType::kEnd;
  std::string text;
  std::size_t position = 0;  // from 0
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Error wrong(std::size_t position, const std::string& what) {
  return Error("InvalidParameterException",
               "Invalid expression: at position " + std::to_string(position + 1) + ": " + what,
               shared::Blame::kClient);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      auto token = next();
      if (!token) return token.error();
      const bool end = token->type == TokenType::kEnd;
      tokens.push_back(std::move(*token));
      if (end) return tokens;
    }
  }

 private:
  Result<Token> next() {
    const std::size_t start = at_;
    if (at_ == text_.size()) return Token{TokenType::kEnd, "", start};
    const char c = text_[at_];
    const auto single = std::string_view("()[],").find(c);
    if (single != std::string_view::npos) {
      static constexpr TokenType kTypes[] = {TokenType::kOpen, TokenType::kClose, TokenType::kListOpen,
                                             TokenType::kListClose, TokenType::kComma};
      ++at_;
      return Token{kTypes[single], std::string(1, c), start};
    }
    if (c == '\'' || c == '"') return quoted(c);
    for (const std::string_view word : {"==", "!=", ">=", "<=", "=~", "!~", "&&", "||", ">", "<"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return Token{TokenType::kOperator, std::string(word), start};
      }
    }
    if (c == '!') return negation();
    return bare_word();
  }

  Result<Token> quoted(char quote) {
    const std::size_t start = at_;
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return wrong(start, "the quotation mark is not closed");
    at_ = end + 1;
    return Token{TokenType::kQuoted, std::string(text_.substr(start + 1, end - start - 1)), start};
  }

  // "!in" and "!exists" are one word; any other "!" stands for "not".
  Result<Token> negation() {
    const std::size_t start = at_++;
    std::size_t end = at_;
    while (end < text_.size() && ((text_[end] | 32) >= 'a' && (text_[end] | 32) <= 'z')) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (!same_word(word, "in") && !same_word(word, "exists")) {
      return Token{TokenType::kOperator, "!", start};
    }
    at_ = end;
    return Token{TokenType::kWord, "!" + std::string(word), start};
  }

  // A regular expression may hold brackets and parentheses as long as they close inside the word.
  Result<Token> bare_word() {
    const std::size_t start = at_;
    int open = 0;
    for (; at_ < text_.size() && !is_space(text_[at_]); ++at_) {
      const char c = text_[at_];
      if (c == '(' && same_word(text_.substr(start, at_ - start), "not")) break;
      if (c == '(' || c == '[') {
        ++open;
      } else if (c == ')' || c == ']') {
        if (open == 0) break;
        --open;
      } else if ((c == ',' || c == '=' || c == '!' || c == '<' || c == '>') && open == 0) {
        break;
      }
    }
    if (at_ == start) return wrong(start, "unexpected '" + std::string(1, text_[at_]) + "'");
    return Token{TokenType::kWord, std::string(text_.substr(start, at_ - start)), start};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<NodePointer> run() {
    auto root = any_of(0);
    if (!root) return root;
    if (peek().type != TokenType::kEnd) return unexpected("'and', 'or' or the end");
    return root;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  Token take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool at_keyword(std::string_view word, std::string_view symbol) const {
    return (peek().type == TokenType::kWord && same_word(peek().text, word)) ||
           (peek().type == TokenType::kOperator && peek().text == symbol);
  }
  Error unexpected(const std::string& expected) const {
    const Token& token = peek();
    return wrong(token.position, "expected " + expected + ", got " +
                                     (token.type == TokenType::kEnd ? "the end" : "'" + token.text + "'"));
  }

  Result<NodePointer> any_of(int depth) { return chain(Kind::kOr, "or", "||", depth); }
  Result<NodePointer> all_of(int depth) { return chain(Kind::kAnd, "and", "&&", depth); }
  Result<NodePointer> chain(Kind kind, std::string_view word, std::string_view symbol, int depth) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    for (;;) {
      auto part = kind == Kind::kOr ? all_of(depth) : factor(depth);
      if (!part) return part;
      node->children.push_back(std::move(*part));
      if (!at_keyword(word, symbol)) break;
      take();
    }
    if (node->children.size() == 1) return node->children.front();
    return NodePointer(std::move(node));
  }

  Result<NodePointer> factor(int depth) {
    if (depth > kMaxQueryDepth) return wrong(peek().position, "nested too deeply");
    if (at_keyword("not", "!")) {
      take();
      auto inner = factor(depth + 1);
      if (!inner) return inner;
      auto node = std::make_shared<Node>();
      node->kind = Kind::kNot;
      node->children.push_back(std::move(*inner));
      return NodePointer(std::move(node));
    }
    if (peek().type == TokenType::kOpen) {
      take();
      auto inner = any_of(depth + 1);
      if (!inner) return inner;
      if (peek().type != TokenType::kClose) return unexpected("')'");
      take();
      return inner;
    }
    return predicate();
  }

  Result<NodePointer> predicate() {
    auto node = std::make_shared<Node>();
    unsigned abilities = 0;
    if (peek().type != TokenType::kWord) return unexpected("a subject");
    const Token subject = take();
    if (subject.text.starts_with("attribute:") && subject.text.size() > 10) {
      node->attribute = subject.text.substr(10);
      abilities = kOrder | kSet | kRegex | kExistence;
    } else {
      const auto* row = std::find_if(std::begin(kSubjects), std::end(kSubjects),
                                     [&](const SubjectRow& each) { return each.name == subject.text; });
      if (row == std::end(kSubjects)) {
        return wrong(subject.position, "unknown subject '" + subject.text + "'");
      }
      node->subject = row->subject;
      abilities = row->abilities;
    }
    if (peek().type != TokenType::kWord && peek().type != TokenType::kOperator) {
      return unexpected("an operator");
    }
    const auto* row =
        std::find_if(std::begin(kOperators), std::end(kOperators),
                     [&](const OperatorRow& each) { return same_word(each.word, peek().text); });
    if (row == std::end(kOperators)) return unexpected("an operator");
    if (!allowed(*row, abilities)) {
      return wrong(peek().position, "'" + peek().text + "' is not defined for '" + subject.text + "'");
    }
    take();
    node->kind = row->kind;
    node->negated = row->negated;
    node->comparison = row->comparison;
    if (auto read = values(*node); !read) return read.error();
    return NodePointer(std::move(node));
  }

  static bool allowed(const OperatorRow& row, unsigned abilities) {
    switch (row.kind) {
      case Kind::kExists:
        return (abilities & kExistence) != 0;
      case Kind::kIn:
        return (abilities & kSet) != 0;
      case Kind::kMatch:
        return (abilities & kRegex) != 0;
      default:
        return row.comparison == Comparison::kEqual || row.comparison == Comparison::kNotEqual ||
               (abilities & kOrder) != 0;
    }
  }

  bool at_value() const { return peek().type == TokenType::kWord || peek().type == TokenType::kQuoted; }

  Result<void> values(Node& node) {
    if (node.kind == Kind::kExists) return {};
    if (node.kind == Kind::kIn) return value_list(node);
    if (!at_value()) return unexpected("a value");
    const Token value = take();
    if (node.kind == Kind::kMatch) {
      try {
        node.regex.emplace(value.text, boost::regex::perl);
      } catch (const std::runtime_error& error) {
        return wrong(value.position, "not a regular expression: " + std::string(error.what()));
      }
    }
    if (node.subject == Subject::kRegisteredAt && !as_time(value.text)) {
      return wrong(value.position, "'" + value.text + "' is not a time such as 2018-06-18T22:28:28Z");
    }
    if (node.subject == Subject::kRunningTasks && !as_number(value.text)) {
      return wrong(value.position, "'" + value.text + "' is not a number");
    }
    node.values.push_back(value.text);
    return {};
  }

  Result<void> value_list(Node& node) {
    if (peek().type != TokenType::kListOpen) return unexpected("'['");
    take();
    for (;;) {
      if (!at_value()) return unexpected("a value");
      node.values.push_back(take().text);
      if (peek().type == TokenType::kListClose) break;
      if (peek().type != TokenType::kComma) return unexpected("',' or ']'");
      take();
    }
    take();
    return {};
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Query> Query::parse(std::string_view text) {
  if (text.size() > kMaxQueryLength) {
    return wrong(kMaxQueryLength, "longer than " + std::to_string(kMaxQueryLength) + " characters");
  }
  auto tokens = Lexer(text).run();
  if (!tokens) return tokens.error();
  auto root = Parser(std::move(*tokens)).run();
  if (!root) return root.error();
  return Query(text, std::move(*root));
}

}  // namespace agent::scheduler
