metadata description = 'Who is told of what: dead letters, and what the queries of alerts.json find in the log.'

@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Resource id of Application Insights.')
param insightsId string
@description('Resource id of the Service Bus.')
param busId string
@description('Name of the queue.')
param queueName string
@description('Address of the health of the service.')
param healthUrl string
@description('Mail address for alerts; empty for none.')
param mail string

var rules = loadJsonContent('alerts.json')

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'arcway')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Arcway'
    category: 'workbook'
    sourceId: insightsId
    serializedData: loadTextContent('workbook.json')
  }
}

// Asks every five minutes; without it the rule for health would see only what users ask.
resource availability 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'arcway-health'
  location: location
  tags: union(tags, { 'hidden-link:${insightsId}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'arcway-health'
    Name: 'arcway-health'
    Enabled: true
    Kind: 'standard'
    Frequency: 300
    Timeout: 120
    RetryEnabled: true
    Locations: [
      {
        Id: 'emea-nl-ams-azr'
      }
      {
        Id: 'us-va-ash-azr'
      }
    ]
    Request: {
      RequestUrl: healthUrl
      HttpVerb: 'GET'
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 7
    }
  }
}

resource notified 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'arcway'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'arcway'
    enabled: true
    emailReceivers: empty(mail)
      ? []
      : [
          {
            name: 'mail'
            emailAddress: mail
            useCommonAlertSchema: true
          }
        ]
  }
}

resource deadLetters 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'arcway-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages were dead-lettered. See docs/operations.md.'
    severity: 2
    enabled: true
    scopes: [
      busId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'dead letters'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            {
              name: 'EntityName'
              operator: 'Include'
              values: [
                queueName
              ]
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: notified.id
      }
    ]
  }
}

resource queries 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: 'arcway-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Arcway: ${rule.title}'
      description: '${rule.title}. See docs/operations.md#${rule.name}.'
      severity: rule.severity
      enabled: true
      scopes: [
        insightsId
      ]
      evaluationFrequency: rule.every
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: join(rule.query, '\n')
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      autoMitigate: true
      actions: {
        actionGroups: [
          notified.id
        ]
      }
    }
  }
]
