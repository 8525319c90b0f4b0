// Prints JSON as text. Keys lose their underscores; tensors, objects with name, type and shape, are one line
// each, and so are operators that were placed.
#include "compiler/driver/InspectText.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace {

std::string title(StringRef key) {
  std::string text = key.str();
  llvm::replace(text, '_', ' ');
  return text;
}

std::string scalar(const json::Value &value) {
  if (auto text = value.getAsString())
    return text->str();
  if (auto boolean = value.getAsBoolean())
    return *boolean ? "yes" : "no";
  return formatv("{0}", value).str();
}

bool isScalar(const json::Value &value) {
  return value.kind() != json::Value::Object && value.kind() != json::Value::Array;
}

std::string list(const json::Array &array) {
  std::string text;
  for (const json::Value &element : array)
    text += (text.empty() ? "" : ", ") +
            (element.getAsArray() ? "[" + list(*element.getAsArray()) + "]" : scalar(element));
  return text;
}

bool isTensor(const json::Object &object) {
  return object.size() == 3 && object.getString("name") && object.getString("type") &&
         object.getArray("shape");
}

bool isPlacement(const json::Object &object) {
  return object.getString("placed") && object.getString("stage") && object.getString("operator");
}

/// "encode, node: NPU (rows 16, cycles 1000, ...)"
std::string placement(const json::Object &object) {
  std::string text =
      (*object.getString("stage") + ", " + *object.getString("operator") + ": " + *object.getString("placed"))
          .str();
  std::string numbers;
  for (StringRef key : {"rows", "cycles", "memory_bytes", "weight_bytes"})
    if (std::optional<int64_t> number = object.getInteger(key))
      numbers += (numbers.empty() ? "" : ", ") + title(key) + " " + std::to_string(*number);
  return numbers.empty() ? text : text + " (" + numbers + ")";
}

/// Whether all values are numbers: such an object is one line.
bool isCounts(const json::Object &object) {
  return object.size() > 3 &&
         llvm::all_of(object, [](const auto &entry) { return entry.second.getAsInteger(); });
}

class TextPrinter {
public:
  explicit TextPrinter(raw_ostream &out) : out(out) {}

  void object(const json::Object &object, unsigned indent) {
    std::vector<const json::Object::value_type *> entries;
    for (const auto &entry : object)
      entries.push_back(&entry);
    // Names first, then what fits a line, then what is nested; each in alphabetical order.
    auto rank = [](const auto *entry) {
      StringRef key = entry->first;
      return std::make_tuple(key != "name" && key != "file" && key != "model", !isScalar(entry->second), key);
    };
    llvm::sort(entries, [&](const auto *a, const auto *b) { return rank(a) < rank(b); });
    for (const auto *entry : entries)
      field(entry->first, entry->second, indent);
  }

private:
  void field(StringRef key, const json::Value &value, unsigned indent) {
    out.indent(indent) << title(key) << ":";
    if (const json::Object *inner = value.getAsObject()) {
      if (isCounts(*inner))
        return counts(*inner);
      out << "\n";
      return object(*inner, indent + 2);
    }
    const json::Array *array = value.getAsArray();
    bool nested =
        array && llvm::any_of(*array, [](const json::Value &element) { return element.getAsObject(); });
    if (!nested) {
      out << " " << (array ? list(*array) : scalar(value)) << "\n";
      return;
    }
    out << "\n";
    for (const json::Value &element : *array)
      item(*element.getAsObject(), indent + 2);
  }

  void item(const json::Object &inner, unsigned indent) {
    if (isTensor(inner)) {
      out.indent(indent) << *inner.getString("name") << ": " << *inner.getString("type") << " ["
                         << list(*inner.getArray("shape")) << "]\n";
      return;
    }
    if (isPlacement(inner)) {
      out.indent(indent) << placement(inner) << "\n";
      return;
    }
    std::string text;
    raw_string_ostream stream(text);
    TextPrinter(stream).object(inner, indent + 2);
    text[indent] = '-'; // marks where an item begins
    out << text;
  }

  void counts(const json::Object &object) {
    std::vector<std::string> parts;
    for (const auto &entry : object)
      parts.push_back(title(entry.first) + " " + std::to_string(*entry.second.getAsInteger()));
    llvm::sort(parts);
    out << " " << llvm::join(parts, ", ") << "\n";
  }

  raw_ostream &out;
};

} // namespace

void halyard::driver::printText(const json::Value &value, raw_ostream &out) {
  if (const json::Object *object = value.getAsObject())
    TextPrinter(out).object(*object, 0);
}
