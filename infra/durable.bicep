metadata description = 'The Durable Task Scheduler: where the workflow keeps its state, unless it is Azure Storage.'

@description('Name of the scheduler.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Whether only private endpoints reach it.')
param isPrivate bool
@description('Days after which what has ended is removed.')
@minValue(1)
@maxValue(30)
param retentionDays int

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'Consumption'
    }
    // An empty list denies every address. Who may do what is a role's business.
    ipAllowlist: [
      '0.0.0.0/0'
    ]
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

// The name is in host.json.
resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' = {
  parent: scheduler
  name: 'arcway'
}

resource retention 'Microsoft.DurableTask/schedulers/retentionPolicies@2026-02-01' = {
  parent: scheduler
  name: 'default'
  properties: {
    retentionPolicies: [
      {
        retentionPeriodInDays: retentionDays
      }
    ]
  }
}

@description('Resource id.')
output id string = scheduler.id
@description('Name.')
output name string = scheduler.name
@description('Address, which has a part that cannot be guessed.')
output endpoint string = scheduler.properties.endpoint
@description('Name of the task hub.')
output hubName string = hub.name
