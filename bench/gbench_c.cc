// Google Benchmark from C: see gbench_c.h. Written for versions 1.6 to 1.9.
#include "gbench_c.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using Reporter = benchmark::BenchmarkReporter;

benchmark::State &of(lw_gbench_state *state) { return *reinterpret_cast<benchmark::State *>(state); }

// Version 1.8 replaced Run::error_occurred and error_message by skipped and skip_message.
template <class Run>
auto error_of(const Run &run, int) -> decltype(run.error_occurred, (const char *)nullptr) {
    return run.error_occurred ? run.error_message.c_str() : nullptr;
}
template <class Run>
auto error_of(const Run &run, long) -> decltype(run.skip_message, (const char *)nullptr) {
    return run.skip_message.empty() ? nullptr : run.skip_message.c_str();
}

std::unique_ptr<Reporter> make_reporter(const std::string &format) {
    if (format == "json") return std::unique_ptr<Reporter>(new benchmark::JSONReporter);
    if (format == "csv") {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        return std::unique_ptr<Reporter>(new benchmark::CSVReporter);
#pragma GCC diagnostic pop
    }
    return std::unique_ptr<Reporter>(new benchmark::ConsoleReporter(benchmark::ConsoleReporter::OO_Tabular));
}

// Stands in for the one file reporter of Google Benchmark: hands each report on to the C callback, and when
// all are there to any number of reporters that write to memory. Their context can so tell how the run went.
class Tee : public Reporter {
  public:
    explicit Tee(const lw_gbench_run &run) : run_(run), sinks_(run.output_count) {
        for (size_t i = 0; i < run.output_count; i++) {
            sinks_[i].reporter = make_reporter(run.outputs[i].format);
            sinks_[i].reporter->SetOutputStream(&sinks_[i].text);
            sinks_[i].reporter->SetErrorStream(&sinks_[i].text);
        }
    }

    bool ReportContext(const Context &context) override {
        context_.reset(new Context(context));
        return true;
    }

    void ReportRuns(const std::vector<Run> &runs) override {
        if (!sinks_.empty()) reports_.push_back(finite(runs));
        if (!run_.report) return;
        for (const Run &run : runs) {
            const std::string name = run.run_name.str();
            const double unit = benchmark::GetTimeUnitMultiplier(run.time_unit);
            lw_gbench_result result = {};
            result.name = name.c_str();
            result.aggregate = run.run_type == Run::RT_Aggregate ? run.aggregate_name.c_str() : "";
            result.error = error_of(run, 0);
            result.real_seconds = run.GetAdjustedRealTime() / unit;
            result.cpu_seconds = run.GetAdjustedCPUTime() / unit;
            result.iterations = run.iterations;
            result.impl = &run.counters;
            run_.report(&result, run_.report_arg);
        }
    }

    void Finalize() override {
        if (run_.finish) run_.finish(run_.finish_arg);
        for (size_t i = 0; i < sinks_.size(); i++) {
            bool go = context_ && sinks_[i].reporter->ReportContext(*context_);
            for (size_t k = 0; go && k < reports_.size(); k++)
                sinks_[i].reporter->ReportRuns(reports_[k]);
            sinks_[i].reporter->Finalize();
            run_.outputs[i].text = strdup(sinks_[i].text.str().c_str());
        }
    }

  private:
    // JSON has no NaN, which is what a coefficient of variation is of zeros.
    static std::vector<Run> finite(std::vector<Run> runs) {
        for (Run &run : runs)
            for (auto it = run.counters.begin(); it != run.counters.end();)
                it = std::isfinite(it->second.value) ? std::next(it) : run.counters.erase(it);
        return runs;
    }

    struct Sink {
        std::unique_ptr<Reporter> reporter;
        std::ostringstream text;
    };
    const lw_gbench_run &run_;
    std::vector<Sink> sinks_;
    std::vector<std::vector<Run>> reports_;
    std::unique_ptr<Context> context_; // NULL: nothing ran
};

// What the console shows of each benchmark: few enough counters to be read, and of passes the median alone.
class Brief : public benchmark::ConsoleReporter {
  public:
    explicit Brief(const lw_gbench_run &run)
        : ConsoleReporter(isatty(STDOUT_FILENO) ? OO_ColorTabular : OO_Tabular), run_(run) {}

    void ReportRuns(const std::vector<Run> &runs) override {
        std::vector<Run> shown;
        for (Run run : runs) {
            if (run_.medians_only && run.run_type == Run::RT_Aggregate && run.aggregate_name != "median")
                continue;
            const std::string name = run.benchmark_name();
            for (auto it = run.counters.begin(); it != run.counters.end();)
                it = run_.shown(name.c_str(), it->first.c_str()) ? std::next(it) : run.counters.erase(it);
            shown.push_back(run);
        }
        ConsoleReporter::ReportRuns(shown);
    }

  private:
    const lw_gbench_run &run_;
};

lw_gbench_outcome run_all(lw_gbench_run *run) {
    benchmark::Initialize(&run->argc, run->argv);
    if (run->argc > 1) return LW_GBENCH_BAD_FLAG;
    // Google Benchmark wants a file for its file reporter; this one writes elsewhere.
    static char name[] = "lanewise", out[] = "--benchmark_out=/dev/null";
    char *argv[] = {name, out, nullptr};
    int argc = 2;
    benchmark::Initialize(&argc, argv);
    Tee tee(*run);
    Brief brief(*run);
    size_t matched = benchmark::RunSpecifiedBenchmarks(run->shown ? &brief : nullptr, &tee);
    return matched ? LW_GBENCH_DONE : LW_GBENCH_NO_MATCH;
}

} // namespace

bool lw_gbench_next(lw_gbench_state *state) { return of(state).KeepRunning(); }
int64_t lw_gbench_iterations(lw_gbench_state *state) { return of(state).iterations(); }
int64_t lw_gbench_wanted(lw_gbench_state *state) { return int64_t(of(state).max_iterations); }
void lw_gbench_fail(lw_gbench_state *state, const char *message) { of(state).SkipWithError(message); }
void lw_gbench_label(lw_gbench_state *state, const char *text) { of(state).SetLabel(text); }

void lw_gbench_counter(lw_gbench_state *state, const char *name, double value) {
    of(state).counters[name] = value;
}

void lw_gbench_register(const char *name, lw_gbench_unit unit, lw_gbench_fn *fn, void *arg) {
    static const benchmark::TimeUnit units[] = {benchmark::kNanosecond, benchmark::kMicrosecond,
                                                benchmark::kMillisecond};
    benchmark::RegisterBenchmark(name, [fn, arg](benchmark::State &state) {
        fn(reinterpret_cast<lw_gbench_state *>(&state), arg);
    })->Unit(units[unit]);
}

void lw_gbench_context(const char *key, const char *value) { benchmark::AddCustomContext(key, value); }

double lw_gbench_result_counter(const lw_gbench_result *result, const char *name, double absent) {
    const auto &counters = *static_cast<const benchmark::UserCounters *>(result->impl);
    auto found = counters.find(name);
    return found == counters.end() ? absent : found->second.value;
}

lw_gbench_outcome lw_gbench_run_all(lw_gbench_run *run) {
    for (size_t i = 0; i < run->output_count; i++)
        run->outputs[i].text = nullptr;
    try {
        return run_all(run);
    } catch (const std::exception &) {
        return LW_GBENCH_BROKEN;
    }
}
