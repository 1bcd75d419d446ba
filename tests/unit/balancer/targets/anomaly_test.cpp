#include "balancer/targets/anomaly.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace balancer::targets {
namespace {

// Targets with the same number of requests in each step and a share of failures of their own, in percent.
struct Peers {
  explicit Peers(std::vector<std::uint64_t> percents)
      : percent(std::move(percents)), samples(percent.size()) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i].target = &samples[i];
      samples[i].healthy = true;
    }
    detector.step(samples, true);  // the beginning, from which the first window counts
  }
  std::vector<Standing> step(bool mitigates = true, std::uint64_t requests = 100) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i].total.requests += requests;
      samples[i].total.failures += requests * percent[i] / 100;
    }
    return detector.step(samples, mitigates);
  }
  std::vector<bool> anomalous() {
    std::vector<bool> out;
    for (const Standing& standing : step()) out.push_back(standing.anomalous);
    return out;
  }

  std::vector<std::uint64_t> percent;
  std::vector<AnomalyDetector::Sample> samples;
  AnomalyDetector detector;
};

TEST(Anomaly, IsWhoStandsOutAgainstThePeers) {
  EXPECT_EQ(Peers({0, 50, 0}).anomalous(), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(Peers({20, 90, 20, 20}).anomalous(), (std::vector<bool>{false, true, false, false}));
  EXPECT_EQ(Peers({0, 9, 0}).anomalous(), (std::vector<bool>{false, false, false}))
      << "a few failures happen";
  EXPECT_EQ(Peers({50, 50, 50}).anomalous(), (std::vector<bool>{false, false, false})) << "all are bad alike";
  EXPECT_EQ(Peers({30, 50, 30}).anomalous(), (std::vector<bool>{false, false, false}));
}

TEST(Anomaly, NeedsThreeHealthyTargetsAndEnoughRequests) {
  EXPECT_EQ(Peers({0, 100}).anomalous(), (std::vector<bool>{false, false}));
  Peers unhealthy({0, 100, 0});
  unhealthy.samples[2].healthy = false;
  EXPECT_EQ(unhealthy.anomalous(), (std::vector<bool>{false, false, false}));
  Peers quiet({0, 100, 0});
  EXPECT_FALSE(quiet.step(true, 4)[1].anomalous);
  EXPECT_FALSE(quiet.step(true, 4)[1].anomalous) << "eight requests in the window";
  EXPECT_TRUE(quiet.step(true, 6)[1].anomalous);
}

TEST(Anomaly, LowersTheWeightInStepsToATenthAndGivesItBackGradually) {
  Peers peers({0, 100, 0});
  std::vector<int> weights;
  for (int i = 0; i < 6; ++i) weights.push_back(peers.step()[1].weight);
  EXPECT_EQ(weights, (std::vector<int>{500, 250, 125, 100, 100, 100})) << "never to nothing";
  peers.percent[1] = 0;
  weights.clear();
  for (int i = 0; i < 12; ++i) weights.push_back(peers.step()[1].weight);
  EXPECT_EQ(weights[0], 100) << "half of the window is still bad";
  EXPECT_EQ(weights[1], 200);
  EXPECT_TRUE(std::is_sorted(weights.begin(), weights.end()));
  EXPECT_EQ(weights.back(), kFullWeight);
  for (const Standing& standing : peers.step()) EXPECT_EQ(standing, Standing());
}

TEST(Anomaly, IsToldButNotMitigatedWhereThatIsOff) {
  Peers peers({0, 100, 0});
  const Standing standing = peers.step(false)[1];
  EXPECT_TRUE(standing.anomalous);
  EXPECT_EQ(standing.weight, kFullWeight);
  peers.step(true);
  EXPECT_EQ(peers.step(false)[1].weight, kFullWeight) << "switched off, all have their full share at once";
}

TEST(Anomaly, ForgetsTargetsThatAreGone) {
  Peers peers({0, 100, 0});
  EXPECT_EQ(peers.step()[1].weight, 500);
  const std::vector<AnomalyDetector::Sample> without = {peers.samples[0], peers.samples[2]};
  peers.detector.step(without, true);
  EXPECT_EQ(peers.step()[1], Standing()) << "one that comes back begins anew";
}

}  // namespace
}  // namespace balancer::targets
